"""The vocabulary of published quantities: in words, in whose favour, where each can be asked for, how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sim.analysis.trial import contrast
from sim.core.errors import ShamtrialError
from sim.engines.want import Want
from sim.scenario.schema import Figure, Scenario
from sim.study import readings as r
from sim.study.readings import Reading, patients_asked

LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "functional_improved": "the simulator has no composite of walking, balance, hands, bladder and sight",
        "doppler_negative": "candidates who were kept out are not in a replay",
        "patients_with_adverse_event": "the simulator has complications of a procedure, not all adverse events",
    }
)
"""Published quantities that the simulator can't give, each with the reason."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """How a published quantity is read off the trials of a cohort.

    `favours` is 1 where more of it in the treated speaks for the treatment, else -1. `kind` is where it can be asked
    for: "before_after", "parallel", "case_control", or "trial" (either of the first two). `windowed`: it needs months.
    """

    words: str
    favours: int
    kind: str
    of: Reading
    want: Callable[[Scenario, Figure], Want]
    windowed: bool = True


def quantity(scenario: Scenario, figure: Figure) -> Quantity:
    """Give how a figure is computed; ShamtrialError, by its name, where it does not fit the scenario."""
    found = QUANTITIES[figure.quantity]
    for fits, what, allowed in _demands(scenario, figure, found):
        if not fits:
            raise ShamtrialError(f"published.figure.{figure.quantity}: found {what} ({figure.id}); allowed: {allowed}")
    return found


def _demands(scenario: Scenario, figure: Figure, asked: Quantity) -> list[tuple[bool, str, str]]:
    """List what a quantity asks of scenario and figure: whether it is met, what was found, what is allowed."""
    arms, design = [a.name for a in scenario.arm], scenario.study.design
    own = "before_after" if scenario.before_after else "case_control" if scenario.case_control else "parallel"
    windowed = asked.windowed or (figure.quantity == "rate_ratio" and own == "parallel")
    veins = figure.quantity in ("restenosis", "flow_restored")
    scan = figure.quantity in ("new_gd_lesions", "free_of_new_lesions")
    demands = [
        (figure.arm in ("", *arms), f"arm {figure.arm!r}", f"one of {arms}, or none"),
        (asked.kind == own or (asked.kind == "trial" and own != "case_control"), f"design {design}", _where(asked)),
        (not windowed or len(figure.months) == 2, f"months {figure.months}", "[from, to]"),
        (not scan or scenario.lesions.enabled, "lesions.enabled = false", "true"),
        (not veins or scenario.surveillance.enabled, "surveillance.enabled = false", "true"),
    ]
    needed = _visits_needed(figure) if windowed and len(figure.months) == 2 else []
    there = scenario.visits.months
    demands += [(m in there, f"no visit at month {m:g}", f"one of {there}") for m in needed]
    if asked.kind == "before_after" and figure.total:
        size = patients_asked(scenario)
        found = f"enrolment.target = {size}"
        demands.append((figure.total == size, found, f"{figure.total}, the patients that it is out of"))
    return demands


def _where(asked: Quantity) -> str:
    places = {
        "before_after": "uncontrolled_before_after",
        "case_control": "prevalence_case_control",
        "parallel": "a design with arms",
        "trial": "a design in which patients are followed",
    }
    return places[asked.kind]


def _visits_needed(figure: Figure) -> list[float]:
    if figure.quantity.endswith("_change"):
        return list(figure.months)
    return [figure.months[1]] if figure.quantity in ("free_of_new_lesions", "new_gd_lesions") else []


def combined(wants: list[Want]) -> Want:
    """Give what answers all of these."""
    return Want(
        frozenset().union(*(w.counts for w in wants)),
        tuple(sorted({v for w in wants for v in w.visits or ()})),
        any(w.past for w in wants),
        False,
        frozenset().union(*(w.scores for w in wants)),
        any(w.surveillance for w in wants),
        False,
    )


_TABLE: dict[str, Quantity] = {
    "relapse_free_before": Quantity(
        "relapse-free in the year before",
        -1,
        "before_after",
        r.read_free(0),
        r.past_wanted,
        windowed=False,
    ),
    "relapse_free_after": Quantity(
        "relapse-free in the year after", 1, "before_after", r.read_free(1), r.past_wanted, windowed=False
    ),
    "rate_ratio": Quantity("ratio of relapse rates", -1, "trial", r.ratio, r.ratio_wanted, windowed=False),
    "relapses": Quantity("relapses", -1, "parallel", r.relapses, r.relapses_wanted),
    "patients_with_relapse": Quantity(
        "patients with a relapse", -1, "parallel", r.with_relapse(True), r.relapses_wanted
    ),
    "relapse_free": Quantity("relapse-free patients", 1, "parallel", r.with_relapse(False), r.relapses_wanted),
    "arr": Quantity("annualised relapse rate", -1, "parallel", r.arr, r.relapses_wanted),
    "new_gd_lesions": Quantity("new Gd lesions", -1, "parallel", r.gd_lesions, r.lesions_wanted),
    "free_of_new_lesions": Quantity("free of new lesions", 1, "parallel", r.lesion_free, r.lesions_wanted),
    **{
        f"{score}_change": Quantity(f"mean change of {words}", sign, "trial", r.change, r.change_wanted)
        for score, words, sign in (
            ("edss", "EDSS", -1),
            ("msfc", "MSFC", 1),
            ("msqol_physical", "MSQOL-54 physical", 1),
            ("msqol_mental", "MSQOL-54 mental", 1),
        )
    },
    "flow_restored": Quantity("flow restored", 1, "trial", r.flow, r.veins_wanted),
    "restenosis": Quantity("restenosis found, share of patients", -1, "trial", r.restenosis, r.veins_wanted),
    "completed": Quantity("followed to the end", 1, "trial", r.completed, r.anything),
    "ccsvi_positive": Quantity("CCSVI on Doppler", 1, "case_control", r.positive, r.anything, windowed=False),
    "abnormal_doppler": Quantity(
        "abnormal measurements, share", 1, "case_control", r.abnormal, r.anything, windowed=False
    ),
    "odds_ratio": Quantity(
        "odds ratio of CCSVI, MS / controls", 1, "case_control", r.odds_ratio, r.anything, windowed=False
    ),
}

QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType(_TABLE)
"""The published quantities that a replay computes, by name."""


def favours(scenario: Scenario, figure: Figure) -> int:
    """Tell whether more (1) or less (-1) of a figure speaks for what was claimed; in the control arm it is reversed."""
    own = QUANTITIES[figure.quantity].favours
    if not figure.arm or len(scenario.arm) < 2:
        return own
    treated, _ = contrast(scenario, scenario.endpoint[0])
    return own if scenario.arm[treated].name == figure.arm else -own
