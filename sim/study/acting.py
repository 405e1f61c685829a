"""Which mechanisms can act on an endpoint in a design, and why the others can't.

A mechanism is left out only by an argument that holds whatever is drawn; each argument is one function below. What
can't act stays as the scenario has it in every world, and its entry in a ledger is exactly zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from sim.analysis.trial import VISIT_FIELD, contrast
from sim.core.endpoints import AT_SCANS, CONFIRMED_AFTER, ON_SCREENING, parse_endpoint
from sim.model.belief import HOLDERS
from sim.model.switches import Switches
from sim.scenario.plan import Plan, make_plan
from sim.scenario.schema import Endpoint, Scenario

OF_CHANCES = ("picking", "publication")
"""Switches that act on the chance of a success alone."""

MECHANISMS = tuple(n for n in Switches.model_fields if n not in ("effect", *OF_CHANCES))
"""The switches whose shares of a bias are asked for; the true effect is no bias and stays as it is in every world."""

OFF = "switched off in this scenario"
SAME = "changes nothing in this scenario"
ELSEWHERE = "does not reach this endpoint"
NO_CRITERION = "no relapse criterion keeps anybody out"
BLIND = "whose belief it acts by, is not told the arms apart"
ALIKE = "the arms compared differ in nothing that anybody could know or feel"


def closed(scenario: Scenario, endpoint: Endpoint) -> dict[str, str]:
    """Give the mechanisms that can't act on this endpoint, each with the reason."""
    found = {}
    inert = _inert(scenario)
    for name in MECHANISMS:
        if not getattr(scenario.switches, name):
            found[name] = OFF
        elif name in inert:
            found[name] = SAME
        elif reason := next((r for r in _reasons(scenario, endpoint, name)), ""):
            found[name] = reason
    return found


def acting(scenario: Scenario, endpoint: Endpoint) -> tuple[str, ...]:
    """Give the mechanisms that may act on this endpoint, in the order of the switches."""
    shut = closed(scenario, endpoint)
    return tuple(name for name in MECHANISMS if name not in shut)


def with_only(scenario: Scenario, players: tuple[str, ...], on: frozenset[str]) -> Scenario:
    """Give the scenario with, of these mechanisms, only those of `on` switched on; nothing else changes."""
    switches = scenario.switches.model_copy(update={name: name in on for name in players})
    return scenario.model_copy(update={"switches": switches})


def _reasons(scenario: Scenario, endpoint: Endpoint, name: str) -> Iterator[str]:
    if name == "selection" and not _criterion(scenario):
        yield NO_CRITERION
    if not REACHES.get(name, _anything)(scenario, endpoint) or _only_doppler(endpoint, name):
        yield ELSEWHERE
    if alike(scenario, endpoint):
        yield ALIKE
    if name in BY_BELIEF and all(cannot_tell(scenario, endpoint, holder) for holder in BY_BELIEF[name]):
        yield BLIND


# ---- the same plan --------------------------------------------------------------------------------------------------


def _inert(scenario: Scenario) -> set[str]:
    """Give the switches that change nothing an engine sees, whatever the others are.

    The analysis asks one switch, attrition, whether to keep completers only: where its plan is the same, nobody leaves.
    No part of a plan hangs on more than three switches, so each is tried with the rest on, with the rest off, and with
    each one of the rest off: that is every setting of the two others that may share its part.
    """

    @cache
    def made(off: frozenset[str]) -> Plan:
        rest = {name: name not in off and getattr(scenario.switches, name) for name in MECHANISMS}
        return make_plan(scenario.model_copy(update={"switches": scenario.switches.model_copy(update=rest)}))

    every = frozenset(MECHANISMS)
    found = set()
    for name in MECHANISMS:
        settings = [frozenset[str](), every - {name}, *(frozenset((other,)) for other in MECHANISMS if other != name)]
        if all(made(off) == made(off | {name}) for off in settings):
            found.add(name)
    return found


# ---- what reaches which endpoint ------------------------------------------------------------------------------------


def _anything(scenario: Scenario, endpoint: Endpoint) -> bool:
    return True


def _only_doppler(endpoint: Endpoint, name: str) -> bool:
    """At screening veins are read; who has which veins has to do with nothing else."""
    return parse_endpoint(endpoint.name)[0] in ON_SCREENING and name != "unblinded_doppler"


def _quality(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Placebo moves quality of life; other things only where feeling better moves a belief."""
    moves = scenario.belief.improvement_logits_per_point != 0.0
    return moves or parse_endpoint(endpoint.name)[0].startswith("msqol")


def _practised(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Practice moves the MSFC, which nobody acts on."""
    return parse_endpoint(endpoint.name)[0].startswith("msfc")


def _rated(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Raters rate EDSS and MSFC, confirm relapses and read surveillance imaging; only re-treatment follows from it."""
    base = parse_endpoint(endpoint.name)[0]
    if scenario.surveillance.enabled and (base == "restenosis" or scenario.retreatment.plan().most > 0.0):
        return True
    if base in CONFIRMED_AFTER or base.startswith(("edss", "msfc")):
        return True
    scores = base.removesuffix("_change") in VISIT_FIELD or base in (*AT_SCANS, "restenosis")
    return endpoint.counts == "confirmed" and not scores


def _imaged(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Imaging after relapses finds restenoses; only re-treatment follows from it."""
    return parse_endpoint(endpoint.name)[0] == "restenosis" or scenario.retreatment.plan().most > 0.0


def _criterion(scenario: Scenario) -> bool:
    """Tell whether any criterion on relapses can keep a candidate out."""
    own, past = scenario.eligibility, scenario.historical_control and scenario.historical.relapses_1y
    strict = own.relapses_1y > 0 and own.relapses_2y > 0
    return bool(past) or own.kind == "soft" or strict or own.relapse_free_days > 0.0


def _recalled(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Recalled relapses are counted before a study and by entry criteria; allocation may look at them."""
    allocation = make_plan(scenario).allocation
    looked_at = allocation.by_relapses == 1.0 or allocation.steering_prob > 0.0
    base = parse_endpoint(endpoint.name)[0]
    counted = scenario.before_after and base in ("arr_change", "relapse_free_change")
    return counted or looked_at or scenario.historical_control or _criterion(scenario)


REACHES: dict[str, Callable[[Scenario, Endpoint], bool]] = {
    "placebo": _quality,
    "practice": _practised,
    "rater_bias": _rated,
    "triggered_imaging": _imaged,
    "recall": _recalled,
}
"""Mechanisms that reach some endpoints only; any other is taken to reach all."""


# ---- what a blind closes --------------------------------------------------------------------------------------------

BY_BELIEF = {"placebo": ("patient",), "rater_bias": ("assessor",)}
"""Mechanisms that act by somebody's belief alone: where it does not depend on the arm, they favour none."""


def cannot_tell(scenario: Scenario, endpoint: Endpoint, holder: str) -> bool:
    """Tell whether this holder's belief is the same, whichever of the two procedures compared was done.

    Both arms have a procedure at the same time, the holder is blinded without a leak, and nothing moves a belief.
    """
    b = scenario.belief
    elsewhere = make_plan(scenario).contamination.per_day > 0.0
    return (
        _same_but_veins(scenario, endpoint)
        and getattr(b, holder) == "blinded"
        and not (b.blinding_leak or b.moves or elsewhere)
    )


def alike(scenario: Scenario, endpoint: Endpoint) -> bool:
    """Tell whether patients of both arms are exchangeable: then no mechanism can favour one.

    Allocated without foresight to procedures that nobody can tell apart, where open veins do nothing.
    """
    steered = make_plan(scenario).allocation.steering_prob > 0.0
    return not steered and scenario.no_effect and all(cannot_tell(scenario, endpoint, h) for h in HOLDERS)


def _same_but_veins(scenario: Scenario, endpoint: Endpoint) -> bool:
    if not scenario.randomised:
        return False
    arms = [scenario.arm[k] for k in contrast(scenario, endpoint)]
    return not any(arm.procedure == "none" or arm.delay_months or arm.then for arm in arms)
