"""Patients of the past, the controls of a historical control design."""

from __future__ import annotations

from typing import Any

from sim.jit import bare_part, further_value
from sim.model import historical


@further_value(0.0)
def of_past(plan: Any, p: Any) -> Any:
    """Give 1 for a patient of the past, else 0."""
    if plan.historical.sites == 0.0:
        return 0.0
    return historical.is_past(float(p.site), plan.historical.sites)


@further_value(0.0)
def arm_by_era(plan: Any, p: Any) -> Any:
    """Give the number of the arm of who is not allocated: that of the patient's era, or the only one."""
    return historical.either(of_past(plan, p), plan.historical.control_arm, plan.historical.treated_arm)


@bare_part
def era_is_full(plan: Any, t: Any, site: Any) -> Any:
    """Tell whether as many have entered in this site's era as are to; each era has a target of its own."""
    rule = plan.historical
    if rule.sites == 0.0:
        return False
    if historical.is_past(site, rule.sites) == 1.0:
        return float(t.of_past) >= rule.past_target
    return float(t.entered - t.of_past) >= rule.today_target
