"""A patient's life: clocks compete, the earliest rings, and its handler says what happens and which clocks are set."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from sim.core.errors import RunError
from sim.core.events import Kind
from sim.core.inverse import exponential
from sim.core.streams import (
    BELIEF,
    EXAMINATION,
    LATENT,
    LEVEL,
    PERSON,
    PRESENT,
    RECALL,
    REPORT,
    SCORE,
    SEVERITY,
    VEIN,
    patient_word,
    uniforms,
)
from sim.core.units import on_clock
from sim.engines.reference import scores
from sim.engines.reference.historical import of_past
from sim.engines.reference.latent import Latent, Point, PointClock
from sim.engines.reference.medication import consider_medication, on_medication_start
from sim.engines.reference.owned import ASSESSOR, NEVER, PATIENT, OwnRelapse, OwnVein
from sim.engines.reference.procedure import on_procedure, on_restenosis
from sim.engines.reference.reporting import on_confirmed, on_pseudo, on_reported, speaks_up
from sim.engines.reference.run_in import await_run_in_end, is_watched, on_run_in_end
from sim.engines.reference.sites import Site
from sim.model import (
    belief,
    decline,
    disability,
    dropout,
    effect,
    eligibility,
    frailty,
    historical,
    quality,
    recall,
    relapse,
    season,
    self_referral,
    sites,
    veins,
    visits,
)

if TYPE_CHECKING:
    from sim.engines.reference.trial import Trial


class Patient:
    """One candidate at one site; `live` is the life from screening on, `diary` the clocks that are set."""

    def __init__(self, trial: Trial, here: Site, arrival: int, screening_time: float) -> None:
        plan = trial.plan
        self.trial, self.plan, self.world = trial, plan, trial.world
        self.here, self.site, self.arrival, self.rater = here, here.number, arrival, here.rater
        self.word = patient_word(self.site, arrival)
        self.address = (trial.seed, trial.number, self.word)
        self.screening_time = self.now = screening_time
        self.diary: list[tuple[float, int, int, Any]] = []
        self.events: list[tuple[float, int, int, int, float]] = []
        self.visits: list[tuple[Any, ...]] = []
        self.procedures: list[tuple[Any, ...]] = []
        self.relapses: list[OwnRelapse] = []
        self.born()

    # ---- before screening -------------------------------------------------------------------------------------

    def born(self) -> None:
        """Draw what is fixed for life and set the clocks that ran before screening."""
        plan, person, latent = self.plan, self.draw(PERSON), self.draw(LATENT)
        present = self.draw(PRESENT)
        self.u_arm, self.u_dropout = person[3], person[2]
        self.u_refer, self.u_select = present[0], present[1]
        self.frailty = frailty.frailty(person[1], plan.frailty.gamma_shape, plan.frailty.middle, plan.frailty.tails)
        d, q = plan.disability, plan.quality
        self.baseline = disability.baseline(latent[0], d.log_baseline, d.baseline_log_sd)
        self.slope = disability.slope(latent[1], d.slope_per_day)
        self.quality_start = quality.quality_baseline(
            latent[2], self.baseline, d.median_points, q.mean_points, q.sd_points, q.per_edss
        )
        self.ability, self.msfc_start, self.mental_start = scores.levels(plan, self.baseline, self.draw(LEVEL))
        self.wait = veins.waiting(present[2], plan.veins.wait_days, plan.veins.wait_mean_days)
        start = relapse.history_start(self.screening_time, plan.relapse.history_days)
        horizon = relapse.horizon(self.screening_time, plan.enrolment.entry_days, self.wait, plan.study.follow_up_days)
        pace = plan.relapse.rate_per_day * self.here.relapse_factor
        self.latent = Latent(plan, self.address, start, self.screening_time, horizon, self.frailty, pace)
        self.lasting, self.lasting_until = 0.0, self.screening_time
        self.patency = self.rate_factor = self.slope_factor = 0.0
        self.set_patency(0.0)
        self.last_onset = -math.inf
        self.on_medication, self.medication_pending, self.medication_time = 0.0, 0.0, NEVER
        self.entered = self.believing = self.ended = False
        self.entry_number = self.arm = self.procedure = -1
        self.reason, self.screening_edss = eligibility.ELIGIBLE, NEVER
        self.recalled = (0.0, 0.0)
        self.entry_time = self.day_1 = self.procedure_time = self.planned_end = self.end_time = NEVER
        self.dropped_out = 0
        self.beliefs = (NEVER, NEVER, NEVER)
        self.own_veins: list[OwnVein] = []
        if plan.activity.on:
            self.note(Kind.ACTIVITY, 0, self.latent.path[0].told, on_clock(start, plan.study.resolution))
            self.set_clock(self.latent.path[0].end, Kind.ACTIVITY, 1)
        for layer in range(relapse.layers(max(plan.study.history_bound, plan.study.study_bound))):
            self.await_point(self.latent.layer(layer))

    def history(self) -> None:
        """Live until screening; nobody looks on, and nothing outside the patient matters."""
        until = (self.screening_time, int(Kind.SCREENED))
        while self.diary and self.diary[0][:2] < until:
            self.ring(*heappop(self.diary))
        self.now = self.screening_time

    def presents(self) -> bool:
        """Tell whether the patient comes to the site at all."""
        rule = self.plan.self_referral
        return self_referral.presents(self.u_refer, self.now - self.last_onset, rule.weight, rule.window_days)

    def screen(self) -> bool:
        """Apply the entry rule to the recalled history; set the clock of entry if it lets the patient in."""
        rule, own = self.plan.eligibility, self.plan.veins
        self.own_veins = [OwnVein(veins.happens((u := self.draw(VEIN, i))[0], own.stenosis[i]), u) for i in range(3)]
        self.screening_edss = self.examine(0)[0]
        onsets = [r.recalled_onset for r in self.relapses]
        self.recalled = (
            float(sum(recall.is_within(onset, self.now, 1.0) for onset in onsets)),
            float(sum(recall.is_within(onset, self.now, 2.0) for onset in onsets)),
        )
        self.note(Kind.SCREENED, 0, self.recalled[0])
        fits = eligibility.edss_in_range(self.screening_edss, rule.edss_min, rule.edss_max)
        era, past = of_past(self), self.plan.historical
        need_1y = historical.either(era, past.relapses_1y, rule.relapses_1y)
        need_2y = historical.either(era, past.relapses_2y, rule.relapses_2y)
        enough = eligibility.enough_relapses(
            self.u_select, *self.recalled, rule.kind, need_1y, need_2y, rule.selection_weight
        )
        recent = any(eligibility.too_recent(onset, self.now, rule.relapse_free_days) for onset in onsets)
        untreatable = bool(rule.stenosis_required) and not any(v.stenosed for v in self.own_veins)
        self.reason = eligibility.reason(float(fits), float(enough), float(recent), float(untreatable))
        if self.reason:
            self.note(Kind.SCREEN_FAILURE, 0, float(self.reason))
            return False
        self.set_clock(self.now + self.plan.enrolment.entry_days, Kind.ENROLLED, 0)
        await_run_in_end(self)
        return True

    # ---- the life ---------------------------------------------------------------------------------------------

    def live(self) -> Generator[Event, None, None]:
        """Live from screening to the end: the earliest clock rings, at its place in the trial's total order."""
        while self.diary:
            time, rank, index, what = heappop(self.diary)
            yield self.trial.agenda.at(time, rank, self.word, index)
            self.ring(time, rank, index, what)

    def ring(self, time: float, rank: int, index: int, what: Any) -> None:
        """Let one clock ring."""
        self.now = time
        HANDLERS[rank](self, index, what)

    def on_activity(self, index: int, _: Any) -> None:
        """Change between active and quiescent, or begin another month."""
        stretch = self.latent.segment(index)
        self.note(Kind.ACTIVITY, index, stretch.told)
        if stretch.end <= self.latent.horizon:
            self.set_clock(stretch.end, Kind.ACTIVITY, index + 1)

    def on_point(self, index: int, what: tuple[Point, PointClock]) -> None:
        """Have a relapse at this candidate point, if the factor lets it be one and it is not part of the last."""
        point, clock = what
        self.await_point(clock)
        factor = self.factor()
        if not relapse.is_onset(float(point.layer), point.mark, factor):
            return
        if relapse.belongs_to_last(self.now, self.last_onset, self.plan.relapse.refractory_days):
            return
        self.last_onset = self.now
        self.relapse_begins(point)

    def relapse_begins(self, point: Point) -> None:
        """Draw the relapse's severity and residual, how it will be recalled, and whether it is reported."""
        rule, at = self.plan.relapse, (point.number, point.layer)
        u, v = self.draw(SEVERITY, *at), self.draw(RECALL, *at)
        points = relapse.severity(u[0], rule.log_severity, rule.severity_log_sd)
        left = relapse.residual(u[1], u[2], rule.residual_prob, rule.residual_mean_points)
        own = OwnRelapse(len(self.relapses), point.order, at, False, self.now, points, left, self.recalled_as(v))
        self.relapses.append(own)
        self.note(Kind.RELAPSE, point.order, points)
        if self.now >= self.screening_time:
            self.lasting += left
        if not (self.entered or is_watched(self, self.now)):
            consider_medication(self, self.draw(REPORT, *at)[2])
        elif speaks_up(self, own):
            self.set_clock(self.now + self.plan.reporting.report_delay_days, Kind.RELAPSE_REPORTED, point.order, own)

    def recalled_as(self, u: tuple[float, float, float, float]) -> float:
        """Give the onset as it is recalled, NaN if forgotten."""
        rule, era = self.plan.recall, of_past(self)
        if self.now >= self.day_1 or is_watched(self, self.now):
            return NEVER  # from then on relapses are observed (day 1 is NaN before entry: compares false)
        if not recall.is_recalled(u[0], historical.either(era, self.plan.historical.omission_prob, rule.omission_prob)):
            return NEVER
        telescoping = historical.either(era, 0.0, rule.telescoping_prob)
        return recall.recalled_onset(self.now, self.screening_time, u[1], u[2], telescoping, rule.telescoping_share)

    # ---- on study ---------------------------------------------------------------------------------------------

    def on_enrolled(self, _: int, __: Any) -> None:
        """Enter the study, if it is still open: allocation, and the clocks of procedure, visits, leaving and end."""
        self.entry_number = self.trial.enter(self)
        if self.entry_number < 0:
            self.reason = eligibility.TURNED_AWAY
            self.diary.clear()
            return
        plan = self.plan
        self.entered, self.entry_time = True, self.now
        self.arm = self.trial.allocate(self)
        forced = self.world.procedure
        self.procedure = int(forced if forced >= 0.0 else plan.procedures[self.arm])
        self.beliefs = self.form_beliefs()
        resolution = plan.study.resolution
        self.procedure_time = veins.procedure_time(self.now, self.wait, resolution)
        self.day_1 = visits.day_1(self.now, self.procedure_time, plan.study.randomised)
        self.planned_end = visits.planned_end(self.day_1, plan.study.follow_up_days, plan.study.close_day, resolution)
        self.set_clock(self.procedure_time, Kind.PROCEDURE, 0)
        for visit, day in enumerate(plan.visit_days):
            if (time := visits.visit_time(self.day_1, day, resolution)) <= self.planned_end:
                self.set_clock(time, Kind.VISIT, visit)
        if self.world.attrition:
            rule, spent, untreated = plan.dropout, exponential(self.u_dropout), self.procedure_time - self.day_1
            days = dropout.dropout_days(
                spent, untreated, self.beliefs[PATIENT], rule.hazard_per_day, rule.log_disbelief_ratio
            )
            if (time := dropout.dropout_time(self.day_1, days, resolution)) < self.planned_end:
                self.set_clock(time, Kind.DROPOUT, 0)
        self.set_clock(self.planned_end, Kind.END_OF_STUDY, 0)

    def form_beliefs(self) -> tuple[float, float, float]:
        """Draw the belief of patient, physician and assessor."""
        rule, u = self.plan.belief, self.draw(BELIEF)
        procedure, path = float(self.procedure), self.world.reference_belief
        a, b, c = (
            belief.held(
                u[i],
                rule.prior_logit,
                rule.sd,
                rule.leak,
                rule.blinded[i],
                1.0 if i == ASSESSOR else 0.0,
                procedure,
                path,
            )
            for i in range(3)
        )
        return a, b, c

    def believed(self, holder: int) -> float:
        """Give what a holder believes now."""
        return belief.believed(self.beliefs[holder], 1.0 if self.believing else 0.0)

    def set_patency(self, patency: float) -> None:
        """Settle progression so far, then let rate and slope follow the new patency."""
        self.lasting = disability.settled(self.lasting, self.lasting_until, self.now, self.slope, self.slope_factor)
        self.lasting_until = max(self.lasting_until, self.now)
        self.patency = patency
        common = effect.ratio_at(patency, self.plan.effect.rate_ratio, self.plan.effect.log_rate_ratio)
        self.rate_factor = common * sites.effect_at(patency, self.here.effect_shift)
        self.slope_factor = effect.ratio_at(patency, self.plan.effect.slope_ratio, self.plan.effect.log_slope_ratio)

    def factor(self) -> float:
        """Give the present factor of the relapse rate; one above the layers that are open is an error."""
        rule, of_year, study = self.plan.decline, self.plan.season, self.plan.study
        f = relapse.rate_factor(
            season.season(self.now, of_year.amplitude, of_year.since_peak_days),
            decline.decline(self.now, self.screening_time, rule.before_per_day, rule.after_per_day),
            self.plan.medication.rate_ratio if self.on_medication else 1.0,
            self.rate_factor,
        )
        bound = study.history_bound if self.now < self.screening_time else study.study_bound
        if f > relapse.layers(bound):
            raise RunError(f"relapse factor {f!r} at day {self.now} of {self.word} is above its bound {bound!r}")
        return f

    # ---- being seen -------------------------------------------------------------------------------------------

    def on_visit(self, index: int, _: Any) -> None:
        """Be examined, and fill in the questionnaire."""
        edss, latent, acute, u = self.examine(index + 1)
        effects, v = self.plan.effect, self.draw(SCORE, index + 1)
        lasting = disability.lasting_part(latent, self.baseline, acute)
        scored, true = scores.quality_at(
            self, self.plan.quality, self.quality_start, lasting, acute, effects.quality_points, u
        )
        mental, mental_true = scores.quality_at(
            self, self.plan.mental, self.mental_start, lasting, acute, effects.mental_points, v[1]
        )
        z, z_true = scores.msfc_at(self, index, latent, v[0])
        self.note(Kind.VISIT, index, edss)
        seen = (edss, scored, latent, true, self.patency, self.believed(PATIENT), z, mental, z_true, mental_true)
        self.visits.append((self.site, self.arrival, index, self.now, *seen))

    def examine(self, number: int) -> tuple[float, float, float, float]:
        """Examine the patient: EDSS found, latent EDSS, its acute part, and the lane of the questionnaire."""
        rule, u = self.plan.disability, self.draw(EXAMINATION, number)
        acute = 0.0
        for own in self.relapses:
            if not own.pseudo:
                acute += relapse.acute(self.now, own.onset, own.severity, self.plan.relapse.recovery_days)
        grown = disability.progressed(self.lasting_until, self.now, self.slope, self.slope_factor)
        latent = disability.latent_edss(self.baseline, self.lasting, grown, acute)
        error = disability.examination_error(u[0], u[1], rule.examination_sd, rule.tail_prob, rule.tail_sd)
        found = disability.examined(latent, self.rater, error, rule.lean, self.believed(ASSESSOR))
        return found, latent, acute, u[2]

    def on_dropout(self, _: int, __: Any) -> None:
        """Leave the study."""
        self.dropped_out = 1
        self.leave(Kind.DROPOUT)

    def on_end(self, _: int, __: Any) -> None:
        """Come to the planned end."""
        self.leave(Kind.END_OF_STUDY)

    def leave(self, kind: Kind) -> None:
        """End follow-up; reports of relapses that have begun are still taken."""
        self.end_time = self.now
        self.note(kind, 0, visits.study_day(self.now, self.day_1))
        self.ended = True
        self.diary = [c for c in self.diary if c[1] in (Kind.RELAPSE_REPORTED, Kind.RELAPSE_CONFIRMED)]
        heapify(self.diary)

    # ---- small things -----------------------------------------------------------------------------------------

    def draw(self, process: int, index: int = 0, block: int = 0) -> tuple[float, float, float, float]:
        """Give the four lanes of one of this patient's draws."""
        return uniforms(*self.address, process, index, block)

    def note(self, kind: Kind, index: int, value: float, time: float | None = None) -> None:
        """Write a line into the patient's event log."""
        self.events.append((self.now if time is None else time, int(kind), self.word, index, value))

    def set_clock(self, time: float, kind: Kind, index: int, what: Any = None) -> None:
        """Set a clock, on the trial's clock resolution; one that never rings is not kept."""
        if time < math.inf:
            heappush(self.diary, (on_clock(time, self.plan.study.resolution), int(kind), index, what))

    def await_point(self, clock: PointClock) -> None:
        """Set the clock of a layer's next candidate point, as long as the layer can still matter."""
        point = clock.next()
        history_only = point.layer >= relapse.layers(self.plan.study.study_bound)
        if point.time > self.screening_time and history_only:
            return
        self.set_clock(point.time, Kind.RELAPSE, point.order, (point, clock))


HANDLERS: dict[int, Callable[[Patient, int, Any], None]] = {
    Kind.ACTIVITY: Patient.on_activity,
    Kind.RELAPSE: Patient.on_point,
    Kind.PSEUDO_RELAPSE: on_pseudo,
    Kind.RESTENOSIS: on_restenosis,
    Kind.RELAPSE_REPORTED: on_reported,
    Kind.RELAPSE_CONFIRMED: on_confirmed,
    Kind.MEDICATION_START: on_medication_start,
    Kind.RUN_IN_END: on_run_in_end,
    Kind.ENROLLED: Patient.on_enrolled,
    Kind.VISIT: Patient.on_visit,
    Kind.PROCEDURE: on_procedure,
    Kind.DROPOUT: Patient.on_dropout,
    Kind.END_OF_STUDY: Patient.on_end,
}
