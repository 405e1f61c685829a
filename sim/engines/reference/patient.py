"""A patient's life: clocks compete, the earliest rings, and its handler says what happens and which clocks are set."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from simpy.events import Event
from simpy.resources.resource import Request

from sim.core.errors import RunError
from sim.core.events import Kind
from sim.core.inverse import exponential
from sim.core.streams import (
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
from sim.engines.reference.attendance import appointment, on_visit_missed
from sim.engines.reference.belief import form_beliefs, on_outside_scan, perceive
from sim.engines.reference.contamination import on_outside
from sim.engines.reference.course import course_first, disability_of, rate_of
from sim.engines.reference.doppler import examine_veins
from sim.engines.reference.guess import AT_END, on_guess
from sim.engines.reference.hazard import KINDS as RINGING
from sim.engines.reference.hazard import no_hazards
from sim.engines.reference.historical import of_past
from sim.engines.reference.latent import Latent, Point, PointClock
from sim.engines.reference.later import schedule_procedures
from sim.engines.reference.lesions import be_scanned, meet_lesions
from sim.engines.reference.medication import (
    consider_escalation,
    consider_medication,
    on_medication_escalation,
    on_medication_start,
    on_medication_stop,
)
from sim.engines.reference.owned import ASSESSOR, NEVER, PATIENT, OwnRelapse, OwnVein
from sim.engines.reference.procedure import on_effect_begins, on_procedure, on_restenosis
from sim.engines.reference.reporting import on_confirmed, on_pseudo, on_reported, speaks_up
from sim.engines.reference.run_in import await_run_in_end, is_watched, on_run_in_end
from sim.engines.reference.sites import Site
from sim.engines.reference.slots import leave_queues, on_requested
from sim.engines.reference.surveillance import OwnSurveillance, on_imaging
from sim.model import (
    belief,
    course,
    decline,
    disability,
    dropout,
    effect,
    eligibility,
    frailty,
    historical,
    medication,
    quality,
    recall,
    relapse,
    season,
    self_referral,
    sites,
    veins,
    visits,
)
from sim.model.guess import NOT_ASKED
from sim.model.hazard import RING

if TYPE_CHECKING:
    from sim.engines.reference.trial import Trial


class Patient:
    """One candidate at one site; `live` is the life from screening on, `diary` the clocks that are set."""

    lesion_factor: float
    lesion_since: float
    lesion_days: float

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
        self.course = course.course_of(present[3], plan.course.sp_prob, plan.course.pp_prob)
        d, q = plan.disability, plan.quality
        self.baseline, self.slope = disability_of(self, latent)
        self.quality_start = quality.quality_baseline(
            latent[2], self.baseline, d.median_points, q.mean_points, q.sd_points, q.per_edss
        )
        self.ability, self.msfc_start, self.mental_start = scores.levels(plan, self.baseline, self.draw(LEVEL))
        self.wait = veins.waiting(present[2], plan.veins.wait_days, plan.veins.wait_mean_days)
        start = relapse.history_start(self.screening_time, plan.relapse.history_days)
        horizon = relapse.horizon(self.screening_time, plan.enrolment.entry_days, self.wait, plan.study.follow_up_days)
        self.latent = Latent(plan, self.address, start, self.screening_time, horizon, self.frailty, rate_of(self))
        self.lasting, self.lasting_until = 0.0, self.screening_time
        self.patency = self.working = self.rate_factor = self.slope_factor = 0.0
        self.set_patency(0.0, 0.0)
        self.last_onset = -math.inf
        self.on_medication, self.medication_pending, self.medication_time = 0.0, 0.0, NEVER
        self.medication_stop_time = self.escalation_time = self.outside_time = NEVER
        self.hazards, self.reported, self.spells, self.escalation_pending = no_hazards(), 0.0, 0, 0.0
        self.entered = self.believing = self.ended = False
        self.entry_number = self.arm = self.treated_as = self.procedure = -1
        self.reason, self.screening_edss = eligibility.ELIGIBLE, NEVER
        self.recalled = (0.0, 0.0)
        self.entry_time = self.day_1 = self.procedure_time = self.planned_end = self.end_time = NEVER
        self.dropped_out = self.dropout_reason = 0
        self.beliefs = (NEVER, NEVER, NEVER)  # as formed; `held` is what is believed now
        self.held, self.log_odds, self.quality_seen = [NEVER] * 3, [NEVER] * 3, NEVER
        self.guesses = [NOT_ASKED] * 6
        self.own_veins: list[OwnVein] = []
        self.kinds: list[int] = []
        self.asked: dict[int, float] = {}
        self.queueing: dict[int, Request] = {}
        self.retreatments, self.retreating, self.second = 0, -1, -1
        self.woken = Event(self.trial.agenda)
        meet_lesions(self)
        self.group, self.doppler_criteria, self.venography, self.ivus = 0, -1, -1, -1
        self.surveillance = OwnSurveillance()
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
        reason = eligibility.reason(float(fits), float(enough), float(recent), float(untreatable))
        self.reason = course_first(self, reason)
        examine_veins(self)
        if self.reason:
            self.note(Kind.SCREEN_FAILURE, 0, float(self.reason))
            return False
        self.set_clock(self.now + self.plan.enrolment.entry_days, Kind.ENROLLED, 0)
        await_run_in_end(self)
        return True

    # ---- the life ---------------------------------------------------------------------------------------------

    def live(self) -> Generator[Event, None, None]:
        """Live from screening to the end: the earliest clock rings, at its place in the trial's total order.

        Where others may set this patient's clocks (a slot that is free, the end of the study), the sleep ends early.
        """
        while self.diary:
            time, rank, index, _ = first = self.diary[0]
            ring = self.trial.agenda.at(time, rank, self.word, index)
            yield ring if self.trial.alone else ring | self.woken
            if self.woken.triggered:
                self.woken = Event(self.trial.agenda)
            if ring.processed and self.diary and self.diary[0] is first:
                self.ring(*heappop(self.diary))

    def wake(self) -> None:
        """Look at the diary again: somebody else has set a clock."""
        if not self.woken.triggered:
            self.woken.succeed()

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
            lane = self.draw(REPORT, *at)[2]
            consider_medication(self, lane)
            consider_escalation(self, lane)
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
            self.diary.clear()
            return
        plan = self.plan
        self.entered, self.entry_time = True, self.now
        self.arm = self.trial.allocate(self)
        self.treated_as = int(self.world.arm if self.world.arm >= 0.0 else self.arm)
        forced = self.world.procedure
        self.procedure = int(forced if forced >= 0.0 else plan.procedures[self.treated_as])
        form_beliefs(self)
        resolution = plan.study.resolution
        delay = plan.later.delay_days[self.treated_as] if forced < 0.0 else 0.0
        self.procedure_time = veins.procedure_time(self.now, self.wait + delay, resolution)
        self.day_1 = visits.day_1(self.now, self.procedure_time, plan.study.randomised)
        self.planned_end = self.end_of_follow_up()
        schedule_procedures(self)
        self.await_visits(range(len(plan.visit_days)))
        self.await_dropout()
        self.set_clock(self.planned_end, Kind.END_OF_STUDY, 0)

    def end_of_follow_up(self) -> float:
        """Give the planned end of follow-up, as far as it is known by now."""
        study = self.plan.study
        close = min(study.close_day, self.trial.end_day)
        return visits.planned_end(self.day_1, study.follow_up_days, close, study.resolution)

    def await_visits(self, numbers: Iterable[int]) -> None:
        """Set the clocks of these visits, as far as they are due by the planned end."""
        for visit in numbers:
            due = visits.visit_time(self.day_1, self.plan.visit_days[visit], self.plan.study.resolution)
            if due <= self.planned_end:
                self.set_clock(*appointment(self, visit, due), visit)

    def await_dropout(self) -> None:
        """Set the clock of leaving early, by what is known of the procedure's time."""
        if not self.world.attrition:
            return
        rule, spent, untreated = self.plan.dropout, exponential(self.u_dropout), self.procedure_time - self.day_1
        days = dropout.dropout_days(
            spent, untreated, self.beliefs[PATIENT], rule.hazard_per_day, rule.log_disbelief_ratio
        )
        if (time := dropout.dropout_time(self.day_1, days, self.plan.study.resolution)) < self.planned_end:
            self.set_clock(time, Kind.DROPOUT, 0)

    def study_ends(self) -> None:
        """Learn when everyone's follow-up ends, once enrolment has closed."""
        if not self.entered:
            return
        self.planned_end = self.end_of_follow_up()
        if self.ended:
            return
        left = [c[2] for c in self.diary if c[1] in (Kind.VISIT, Kind.VISIT_MISSED)]
        asked = any(c[1:3] == (Kind.GUESS, AT_END) for c in self.diary)
        self.diary = [c for c in self.diary if not goes_by_end(*c[:3], self.planned_end)]
        heapify(self.diary)
        if asked:
            self.set_clock(self.planned_end, Kind.GUESS, AT_END)
        self.await_visits(left)
        self.await_dropout()
        self.set_clock(self.planned_end, Kind.END_OF_STUDY, 0)
        self.wake()

    def believed(self, holder: int) -> float:
        """Give what a holder believes now."""
        return belief.believed(self.held[holder], 1.0 if self.believing else 0.0)

    def set_patency(self, patency: float, working: float) -> None:
        """Settle progression so far, then let rate and slope follow the patency that has its effect by now."""
        self.lasting = disability.settled(self.lasting, self.lasting_until, self.now, self.slope, self.slope_factor)
        self.lasting_until = max(self.lasting_until, self.now)
        self.patency, self.working = patency, working
        common = effect.ratio_at(working, self.plan.effect.rate_ratio, self.plan.effect.log_rate_ratio)
        self.rate_factor = common * sites.effect_at(working, self.here.effect_shift)
        self.slope_factor = effect.ratio_at(working, self.plan.effect.slope_ratio, self.plan.effect.log_slope_ratio)

    def factor(self) -> float:
        """Give the present factor of the relapse rate; one above the layers that are open is an error."""
        rule, of_year, study, drug = self.plan.decline, self.plan.season, self.plan.study, self.plan.medication
        f = relapse.rate_factor(
            season.season(self.now, of_year.amplitude, of_year.since_peak_days),
            decline.decline(self.now, self.screening_time, rule.before_per_day, rule.after_per_day),
            medication.ratio(self.on_medication, drug.rate_ratio, drug.second_rate_ratio),
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
        z, z_true = scores.msfc_at(self, latent, v[0])
        self.note(Kind.VISIT, index, edss)
        seen = (edss, scored, latent, true, self.patency, self.believed(PATIENT), z, mental, z_true, mental_true)
        self.visits.append((self.site, self.arrival, index, self.now, *seen, *be_scanned(self, index)))
        perceive(self, index, scored)

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

    def on_dropout(self, index: int, _: Any) -> None:
        """Leave the study; the clock's number is that of the reason."""
        self.dropped_out, self.dropout_reason = 1, dropout.USUAL + index
        self.leave(Kind.DROPOUT, index)

    def on_end(self, index: int, _: Any) -> None:
        """Come to the planned end."""
        self.leave(Kind.END_OF_STUDY, index)

    def leave(self, kind: Kind, index: int) -> None:
        """End follow-up; reports of relapses that have begun are still taken."""
        self.end_time = self.now
        self.note(kind, index, visits.study_day(self.now, self.day_1))
        self.ended = True
        leave_queues(self)
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

    def drop_clock(self, kind: Kind, index: int) -> None:
        """Take the clock of this kind and index away, if it is set."""
        if any(c[1:3] == (int(kind), index) for c in self.diary):
            self.diary = [c for c in self.diary if c[1:3] != (int(kind), index)]
            heapify(self.diary)

    def await_point(self, clock: PointClock) -> None:
        """Set the clock of a layer's next candidate point, as long as the layer can still matter."""
        point = clock.next()
        history_only = point.layer >= relapse.layers(self.plan.study.study_bound)
        if point.time > self.screening_time and history_only:
            return
        self.set_clock(point.time, Kind.RELAPSE, point.order, (point, clock))


def goes_by_end(time: float, rank: int, index: int, end: float) -> bool:
    """Tell whether a clock is set anew when the end of follow-up moves, or not at all: a hazard that rings too late."""
    if rank in RINGING and index == RING:
        return time >= end
    return rank in (Kind.VISIT, Kind.VISIT_MISSED, Kind.DROPOUT, Kind.END_OF_STUDY) or (rank, index) == (
        Kind.GUESS,
        AT_END,
    )


HANDLERS: dict[int, Callable[[Patient, int, Any], None]] = {
    Kind.ACTIVITY: Patient.on_activity,
    Kind.RELAPSE: Patient.on_point,
    Kind.PSEUDO_RELAPSE: on_pseudo,
    Kind.RESTENOSIS: on_restenosis,
    Kind.RELAPSE_REPORTED: on_reported,
    Kind.RELAPSE_CONFIRMED: on_confirmed,
    Kind.MEDICATION_START: on_medication_start,
    Kind.MEDICATION_STOP: on_medication_stop,
    Kind.MEDICATION_ESCALATION: on_medication_escalation,
    Kind.RUN_IN_END: on_run_in_end,
    Kind.ENROLLED: Patient.on_enrolled,
    Kind.VISIT: Patient.on_visit,
    Kind.PROCEDURE_REQUESTED: on_requested,
    Kind.VISIT_MISSED: on_visit_missed,
    Kind.IMAGING: on_imaging,
    Kind.PROCEDURE: on_procedure,
    Kind.EFFECT_BEGINS: on_effect_begins,
    Kind.OUTSIDE_SCAN: on_outside_scan,
    Kind.GUESS: on_guess,
    Kind.OUTSIDE_PROCEDURE: on_outside,
    Kind.DROPOUT: Patient.on_dropout,
    Kind.END_OF_STUDY: Patient.on_end,
}
