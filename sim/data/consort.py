"""The flow of participants through a trial: who was screened, kept out and why, allocated, treated, lost, followed up.

Its boxes are those of the CONSORT 2010 flow diagram (Schulz, Altman, Moher 2010).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sim.engines.records import TrialRecords
from sim.model.eligibility import REASONS
from sim.model.veins import NONE
from sim.scenario.schema import Scenario

IN_SCREENING = "in_screening"


@dataclass(frozen=True)
class ArmFlow:
    """One arm: allocated = received + not_received (left while they waited); discontinued + completed = allocated.

    In an arm without a procedure everyone counts as having received what was allocated.
    """

    arm: str
    procedure: str
    allocated: int
    received: int
    not_received: int
    discontinued: int
    completed: int


@dataclass(frozen=True)
class Flow:
    """A trial's participants: screened = sum of `kept_out` + entered; `kept_out` names each reason that occurred.

    The reasons are those of SCRFREAS in the table adsl, and "in_screening" for who was still in screening at the end.
    """

    screened: int
    kept_out: dict[str, int]
    entered: int
    arms: tuple[ArmFlow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give plain lists and numbers."""
        return asdict(self) | {"arms": [asdict(a) for a in self.arms]}


def flow(scenario: Scenario, records: TrialRecords) -> Flow:
    """Count a trial's participants."""
    s = records.subjects
    entered = s["entry_number"] >= 0
    left = s["reason"][~entered].tolist()
    counts = {name or IN_SCREENING: left.count(code) for code, name in enumerate(REASONS)}
    arms = []
    for number, arm in enumerate(scenario.arm):
        own = s[entered & (s["arm"] == number)]
        waits = (own["procedure"] > NONE) & (own["end_time"] < own["procedure_time"])
        gone = int((own["dropped_out"] == 1).sum())
        missed = int(waits.sum())
        arms.append(ArmFlow(arm.name, arm.procedure, len(own), len(own) - missed, missed, gone, len(own) - gone))
    kept_out = {reason: n for reason, n in counts.items() if n}
    return Flow(len(s), kept_out, int(entered.sum()), tuple(arms))
