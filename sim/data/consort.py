"""The flow of participants through a trial: who was screened, kept out and why, allocated, treated, lost, followed up.

Its boxes are those of the CONSORT 2010 flow diagram (Schulz, Altman, Moher 2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.core.events import Kind
from sim.engines.records import Records, TrialRecords
from sim.model.dropout import USUAL
from sim.model.eligibility import REASONS
from sim.model.veins import NONE, OUTSIDE, VENOGRAPHY
from sim.scenario.schema import Scenario

N_co = TypeVar("N_co", covariant=True)  # a count: a whole number in one trial, a mean with its error over many

IN_SCREENING = "in_screening"
LOGGED: Final = {
    "medication_started": Kind.MEDICATION_START,
    "medication_stopped": Kind.MEDICATION_STOP,
    "medication_escalated": Kind.MEDICATION_ESCALATION,
    "outside": Kind.OUTSIDE_PROCEDURE,
    "missed_visit": Kind.VISIT_MISSED,
}
"""Intercurrent events by the kind that the log knows them by."""


@dataclass(frozen=True)
class ArmFlow(Generic[N_co]):
    """One arm: allocated = received + not_received; discontinued + completed = allocated.

    Those who did not receive what was allocated left while they waited (left_waiting), or still waited for a slot at
    the end (still_waiting). In an arm without a procedure everyone counts as having received what was allocated. The
    discontinued left by their own choice (withdrawn) or for lack of benefit. Then the intercurrent events, patients
    with at least one after they entered: started, stopped and escalated medication, had angioplasty elsewhere, missed
    a visit, had the arm's second procedure, were treated again for a restenosis.
    """

    arm: str
    procedure: str
    allocated: N_co
    received: N_co
    not_received: N_co
    discontinued: N_co
    completed: N_co
    lack_of_benefit: N_co
    medication_started: N_co
    medication_stopped: N_co
    medication_escalated: N_co
    outside: N_co
    withdrawn: N_co
    missed_visit: N_co
    second_procedure: N_co
    retreated: N_co
    left_waiting: N_co
    still_waiting: N_co


@dataclass(frozen=True)
class Flow(Generic[N_co]):
    """A trial's participants: screened = sum of `kept_out` + entered; `kept_out` names each reason that occurred.

    The reasons are those of SCRFREAS in the table adsl, and "in_screening" for who was still in screening at the end.
    In a prevalence study nobody is allocated, treated or followed: arms are groups.
    """

    screened: N_co
    kept_out: Mapping[str, N_co]
    entered: N_co
    arms: tuple[ArmFlow[N_co], ...]
    followed: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Give plain lists and numbers."""
        return asdict(self) | {"arms": [asdict(a) for a in self.arms]}


def flow(scenario: Scenario, records: TrialRecords) -> Flow[int]:
    """Count a trial's participants."""
    s = records.subjects
    entered = s["entry_number"] >= 0
    left = s["reason"][~entered].tolist()
    counts = {name or IN_SCREENING: left.count(code) for code, name in enumerate(REASONS)}
    arms = (_arm(scenario, records, s[entered & (s["arm"] == number)], number) for number in range(len(scenario.arm)))
    kept_out = {reason: n for reason, n in counts.items() if n}
    return Flow(len(s), kept_out, int(entered.sum()), tuple(arms), not scenario.case_control)


def _arm(scenario: Scenario, records: TrialRecords, own: Records, number: int) -> ArmFlow[int]:
    """Count the patients of one arm."""
    arm = scenario.arm[number]
    waits = (own["procedure"] > NONE) & (own["end_time"] < own["procedure_time"])
    gone, missed = int((own["dropped_out"] == 1).sum()), int(waits.sum())
    lack = int((own["dropout_reason"] > USUAL).sum())
    second, again = _further(records, own, bool(arm.then))
    return ArmFlow(
        arm=arm.name,
        procedure=arm.procedure,
        allocated=len(own),
        received=len(own) - missed,
        not_received=missed,
        discontinued=gone,
        completed=len(own) - gone,
        lack_of_benefit=lack,
        withdrawn=gone - lack,
        second_procedure=second,
        retreated=again,
        left_waiting=int((waits & (own["dropped_out"] == 1)).sum()),
        still_waiting=int((waits & (own["dropped_out"] == 0)).sum()),
        **{name: _had(records, own, kind) for name, kind in LOGGED.items()},
    )


def _had(records: TrialRecords, own: Records, kind: Kind) -> int:
    """Count the patients who had an event of this kind after they entered."""
    e = records.events[records.events["rank"] == int(kind)]
    entry = dict(zip(_words(own).tolist(), own["entry_time"].tolist(), strict=True))
    times = zip(e["patient"].tolist(), e["time"].tolist(), strict=True)
    return len({word for word, time in times if time > entry.get(word, np.inf)})


def _further(records: TrialRecords, own: Records, crosses_over: bool) -> tuple[int, int]:
    """Count the patients with the second procedure of their arm, number 1 where it has one, and those re-treated."""
    p = records.procedures
    further = p[(p["number"] > 0) & (p["kind"] != OUTSIDE) & np.isin(_words(p), _words(own))]
    second = further["number"] == (1 if crosses_over else -1)
    again = ~second & (further["kind"] != VENOGRAPHY)  # who had nothing to dilate was not treated again
    return len(np.unique(_words(further[second]))), len(np.unique(_words(further[again])))


def _words(rows: Records) -> NDArray[np.int64]:
    found: NDArray[np.int64] = (rows["site"] << 32) | rows["arrival"]
    return found
