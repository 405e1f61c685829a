"""The flow of participants through a trial: who was screened, kept out and why, allocated, treated, lost, followed up.

Its boxes are those of the CONSORT 2010 flow diagram (Schulz, Altman, Moher 2010).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sim.core.events import Kind
from sim.engines.records import Records, TrialRecords
from sim.model.dropout import USUAL
from sim.model.eligibility import REASONS
from sim.model.veins import NONE
from sim.scenario.schema import Scenario

IN_SCREENING = "in_screening"
INTERCURRENT = (
    Kind.MEDICATION_START,
    Kind.MEDICATION_STOP,
    Kind.MEDICATION_ESCALATION,
    Kind.OUTSIDE_PROCEDURE,
)


@dataclass(frozen=True)
class ArmFlow:
    """One arm: allocated = received + not_received (left while they waited); discontinued + completed = allocated.

    In an arm without a procedure everyone counts as having received what was allocated. Then the intercurrent events:
    how many left for lack of benefit (they are among the discontinued), started, stopped and escalated medication on
    study, and had angioplasty elsewhere.
    """

    arm: str
    procedure: str
    allocated: int
    received: int
    not_received: int
    discontinued: int
    completed: int
    lack_of_benefit: int
    medication_started: int
    medication_stopped: int
    medication_escalated: int
    outside: int


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
        arms.append(
            ArmFlow(
                arm.name,
                arm.procedure,
                len(own),
                len(own) - missed,
                missed,
                gone,
                len(own) - gone,
                int((own["dropout_reason"] > USUAL).sum()),
                *(_had(records, own, kind) for kind in INTERCURRENT),
            )
        )
    kept_out = {reason: n for reason, n in counts.items() if n}
    return Flow(len(s), kept_out, int(entered.sum()), tuple(arms))


def _had(records: TrialRecords, own: Records, kind: Kind) -> int:
    """Count the patients who had an event of this kind after they entered."""
    e = records.events[records.events["rank"] == int(kind)]
    entry = dict(zip(((own["site"] << 32) | own["arrival"]).tolist(), own["entry_time"].tolist(), strict=True))
    times = zip(e["patient"].tolist(), e["time"].tolist(), strict=True)
    return len({word for word, time in times if time > entry.get(word, np.inf)})
