"""What a calibration leaves: fitted values with their errors, the cloud of populations, and the log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from sim.study.calibrate.outcome import Group
from sim.study.calibrate.population import Relapsing
from sim.study.calibrate.relapses import BOX

EVIDENCE = Path(__file__).parents[2] / "evidence"
COMMAND = "python -m sim.study.calibrate"


def evidence_digest() -> str:
    """Give the SHA-256 of the figures that are fitted to."""
    return hashlib.sha256((EVIDENCE / "targets.csv").read_bytes()).hexdigest()


def write(groups: Sequence[Group], found: Relapsing, log: str, folder: Path, log_file: Path) -> None:
    """Write population.json and population_cloud.csv into `folder`, and the log."""
    values = {v.key: v.to_dict() for group in groups for v in group.values}
    page = {
        "command": COMMAND,
        "evidence_sha256": evidence_digest(),
        "values": values,
        "between_studies": {v.key: v.to_dict() for v in found.between},
        "figures": {
            r.id: {"published": r.published, "error": r.error, "fitted": r.fitted, "mcse": r.mcse}
            for group in groups[:-1]
            for r in group.rows
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "population.json").write_text(json.dumps(page, indent=1) + "\n", encoding="utf-8")
    (folder / "population_cloud.csv").write_text(cloud_text(found), encoding="utf-8")
    log_file.parent.mkdir(parents=True, exist_ok=True)
    log_file.write_text(log, encoding="utf-8")


def cloud_text(found: Relapsing) -> str:
    """Give the cloud as CSV: scenario keys, then a population a row."""
    lines = [",".join(BOX.names), *(",".join(f"{v:.4g}" for v in row) for row in found.cloud)]
    return "\n".join(lines) + "\n"
