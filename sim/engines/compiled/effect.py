"""What treatment, medication and time do to the relapse rate and to progression."""

from __future__ import annotations

from typing import Any

from sim.engines.compiled.clocks import ABOVE_BOUND
from sim.engines.compiled.sites import effect_here
from sim.jit import bare_part, further_value, inlined_part
from sim.model import decline, disability, effect, medication, relapse, season


@inlined_part
def set_patency(plan: Any, p: Any, patency: Any, working: Any) -> None:
    """Settle progression so far, then let rate and slope follow the patency that has its effect by now."""
    p.lasting = disability.settled(p.lasting, p.lasting_until, p.now, p.slope_per_day, p.slope_factor)
    p.lasting_until = max(p.lasting_until, p.now)
    p.patency = patency
    p.working = working
    common = effect.ratio_at(working, plan.effect.rate_ratio, plan.effect.log_rate_ratio)
    p.rate_factor = common * effect_here(plan, p, working)
    p.slope_factor = effect.ratio_at(working, plan.effect.slope_ratio, plan.effect.log_slope_ratio)


@inlined_part
def factor(plan: Any, t: Any, p: Any) -> Any:
    """Give the present factor of the relapse rate; one above the layers that are open ends the trial with an error."""
    f = relapse.rate_factor(
        time_of_year(plan, p),
        decline.decline(p.now, p.screening_time, plan.decline.before_per_day, plan.decline.after_per_day),
        drug_ratio(plan, p) if p.on_medication != 0.0 else 1.0,
        p.rate_factor,
    )
    bound = plan.study.history_bound if p.now < p.screening_time else plan.study.study_bound
    if f > relapse.layers(bound):
        t.status |= ABOVE_BOUND
    return f


@further_value(1.0)
def time_of_year(plan: Any, p: Any) -> float:
    """Give the season's factor."""
    return season.season(p.now, plan.season.amplitude, plan.season.since_peak_days)


@bare_part
def drug_ratio(plan: Any, p: Any) -> Any:
    """Give the factor of the line of medication that the patient is on."""
    return medication.ratio(p.on_medication, plan.medication.rate_ratio, plan.medication.second_rate_ratio)
