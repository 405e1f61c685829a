"""Fits everything again, prints the log, and writes the files."""

from __future__ import annotations

from pathlib import Path

import click

from sim.study.calibrate.closed import closed_group
from sim.study.calibrate.files import COMMAND, EVIDENCE, evidence_digest, write
from sim.study.calibrate.hierarchy import BETWEEN_SD, DISAGREEMENT_SD
from sim.study.calibrate.lesions import lesion_group
from sim.study.calibrate.outcome import Group
from sim.study.calibrate.population import POINTS, STEPS, WALK_SEED, Relapsing, relapsing, surface
from sim.study.calibrate.relapses import BOX, PATIENTS, TRIALS
from sim.study.calibrate.severity import before_relapses, severity_group

CHECKOUT = Path(__file__).parents[3]


@click.command()
@click.option("--evidence", type=click.Path(path_type=Path), default=EVIDENCE, help="where values and cloud go")
@click.option("--log", type=click.Path(path_type=Path), default=CHECKOUT / "docs" / "calibration.log", help="the log")
def main(evidence: Path, log: Path) -> None:
    """Fit the default population to the figures marked `calibrate`."""
    first = before_relapses()
    found = relapsing(surface())
    population = found.group.settings
    severity = severity_group(population, first)
    groups = (found.group, severity, lesion_group({**population, **severity.settings}), closed_group())
    text = told(groups, found)
    write(groups, found, text, evidence, log)
    click.echo(text, nl=False)


def told(groups: tuple[Group, ...], found: Relapsing) -> str:
    """Give the log."""
    lines = [
        COMMAND,
        f"evidence: targets.csv, SHA-256 {evidence_digest()}",
        f"group A: {POINTS} populations of a Sobol design, {PATIENTS * TRIALS} patients in each of two worlds; a cubic "
        f"surface; {STEPS} steps of 64 walkers, seed {WALK_SEED}",
        "priors, even over (of the logarithm where marked):",
        *(f"  {n:38s} {BOX.low[n]:g} to {BOX.high[n]:g}{' log' if n in BOX.logs else ''}" for n in BOX.names),
        f"  half-normal SDs: between studies {BETWEEN_SD}, disagreement {DISAGREEMENT_SD}",
        "",
        *(f"{group}\n" for group in groups),
        "Between studies",
        *map(str, found.between),
        "",
        "What the surface leaves of each statistic (SD, the simulation's noise included)",
        *(f"  {name:34s} {sd:.4f}" for name, sd in found.misfit.items()),
        "",
        f"Predictions from {found.coverage[0].draws} simulated draws of the posterior",
        *map(str, found.coverage),
        "",
        f"cloud: {len(found.cloud)} populations of new studies",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
