"""Patients of the past, the controls of a historical control design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.model import historical

if TYPE_CHECKING:
    from sim.engines.reference.patient import Patient
    from sim.engines.reference.trial import Trial


def of_past(p: Patient) -> float:
    """Give 1 for a patient of the past, else 0."""
    return historical.is_past(float(p.site), p.plan.historical.sites)


def arm_by_era(p: Patient) -> int:
    """Give the arm of who is not allocated: that of the patient's era, or the only one."""
    past = p.plan.historical
    return int(historical.either(of_past(p), past.control_arm, past.treated_arm))


def era_is_full(trial: Trial, site: int) -> bool:
    """Tell whether as many have entered in this site's era as are to; each era has a target of its own."""
    past = trial.plan.historical
    if not past.sites:
        return False
    era = historical.is_past(float(site), past.sites)
    entered = sum(s.entered for s in trial.sites if historical.is_past(float(s.number), past.sites) == era)
    return entered >= historical.either(era, past.past_target, past.today_target)
