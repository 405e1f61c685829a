"""What contradicts itself in the screening of veins, and in a study of how often CCSVI is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.core.params import Refusal

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

DESIGN = "prevalence_case_control"


def screening(s: Scenario) -> Iterator[Refusal]:
    """Refuse IVUS without venography, and controls where there are none."""
    own = s.screening
    if own.ivus and not own.venography:
        yield Refusal("screening.ivus", True, "false where screening.venography = false: IVUS looks at its positives")
    if own.control_ccsvi_prob is not None and not s.case_control:
        yield Refusal("screening.control_ccsvi_prob", own.control_ccsvi_prob, f"no value but in {DESIGN}")
    if own.control_ccsvi_prob and not any((s.veins.left_ijv_prob, s.veins.right_ijv_prob, s.veins.azygos_prob)):
        yield Refusal(
            "screening.control_ccsvi_prob",
            own.control_ccsvi_prob,
            "0, or nothing, where no vein of [veins] can be stenosed: controls' veins are solved from those",
        )
    for i, arm in enumerate(s.arm):
        if arm.group == "control" and not s.case_control:
            yield Refusal(f"arm[{i}].group", "control", f'"ms" but in {DESIGN}: everyone in a trial has MS')


def prevalence(s: Scenario) -> Iterator[Refusal]:
    """Refuse what a study of prevalence cannot have: other arms, entry criteria, relapses, contrasts of arms."""
    if not s.case_control:
        return
    groups = sorted((a.group, a.procedure) for a in s.arm)
    if groups != [("control", "none"), ("ms", "none")]:
        yield Refusal("arm", f"groups and procedures {groups}", f'{DESIGN} has one arm of each group, procedure "none"')
    if not s.screening.enabled:
        yield Refusal("screening.enabled", False, f"true: {DESIGN} counts what the Doppler finds")
    for table in ("eligibility", "self_referral"):
        if getattr(s, table).enabled:
            yield Refusal(f"{table}.enabled", True, f"false in {DESIGN}: controls have no relapses to be judged by")
    if s.relapse.rate_per_year > 0.0:
        yield Refusal(
            "relapse.rate_per_year", s.relapse.rate_per_year, f"0 in {DESIGN}: nobody is followed, controls have none"
        )
    if s.population.on_study_rate_per_year is not None:
        yield Refusal("population.on_study_rate_per_year", s.population.on_study_rate_per_year, f"no value in {DESIGN}")
    for i, endpoint in enumerate(s.endpoint):
        for role in ("treatment", "control"):
            if getattr(endpoint, role):
                yield Refusal(
                    f"endpoint[{i}].{role}", getattr(endpoint, role), f"nothing in {DESIGN}: groups are compared"
                )
