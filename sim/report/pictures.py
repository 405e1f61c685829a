"""Which pictures a command draws, by the names of their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.report.consort import consort_figure, run_diagram, trial_diagram
from sim.report.guesses import guesses_figure, run_data, trial_data
from sim.report.power import power_data, power_figure
from sim.study.power import PowerResult
from sim.study.simulate import SimulatedTrial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trial_figures(played: SimulatedTrial) -> dict[str, Figure]:
    """Draw a trial's pictures: the CONSORT diagram, and treatment guesses where they are asked."""
    scenario, trial, seed = played.scenario, played.records.trial, played.seed
    diagram = trial_diagram(played.name, played.consort, trial, seed, scenario.randomised)
    figures = {"consort": consort_figure(diagram)}
    if guesses := played.guesses:
        data = trial_data(played.name, guesses, trial, seed, scenario.study.alpha)
        figures["guesses"] = guesses_figure(data)
    return figures


def save_power(result: PowerResult, folder: Path) -> list[Path]:
    """Draw a run's pictures into its folder."""
    from sim.report.style import save

    return [path for name, figure in power_figures(result).items() for path in save(figure, folder, name)]


def power_figures(result: PowerResult) -> dict[str, Figure]:
    """Draw a run's pictures: power, treatment guesses where they are asked, the mean CONSORT diagram if asked for."""
    figures = {"power": power_figure(power_data(result))}
    if result.blinding:
        held = len(result.estimates)
        failed = sum(f.trial < held for f in result.failed)
        data = run_data(result.name, result.blinding, held - failed, result.seed)
        figures["guesses"] = guesses_figure(data)
    if result.consort:
        diagram = run_diagram(result.name, result.consort, result.seed, result.scenario.randomised)
        figures["consort"] = consort_figure(diagram)
    return figures
