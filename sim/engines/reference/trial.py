"""A trial: sites open and recruit, candidates are screened, the list allocates, enrolment closes, patients live on."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

from simpy.events import Event
from simpy.resources.resource import Resource

from sim.core.events import Kind
from sim.core.inverse import exponential
from sim.core.streams import PERSON, SITE_ITSELF, TRIAL_WORD, patient_word, uniforms
from sim.core.units import on_clock
from sim.engines.records import TrialRecords, pack
from sim.engines.reference.agenda import Agenda
from sim.engines.reference.allocation import Allocation
from sim.engines.reference.course import course_is_full
from sim.engines.reference.historical import arm_by_era, era_is_full
from sim.engines.reference.owned import NEVER
from sim.engines.reference.patient import Patient
from sim.engines.reference.sites import Site, make_site
from sim.engines.world import OBSERVED, World
from sim.model import eligibility, enrolment, historical, sites
from sim.scenario.plan import Plan


def run_trial(plan: Plan, seed: int, number: int, world: World = OBSERVED) -> TrialRecords:
    """Play one trial and hand up its records; the same arguments always give the same records."""
    trial = Trial(plan, seed, number, world)
    trial.agenda.run()
    return trial.records()


class Trial:
    """What patients share: the agenda, the sites, the enrolment count and the allocation."""

    def __init__(self, plan: Plan, seed: int, number: int, world: World) -> None:
        self.plan, self.seed, self.number, self.world = plan, seed, number, world
        self.agenda = Agenda(initial_time=0.0)
        self.patients: list[Patient] = []
        self.events: list[tuple[float, int, int, int, float]] = []
        self.entered = 0
        self.of_course = [0.0, 0.0, 0.0]
        self.closed = False
        self.end_day = math.inf
        self.alone = not plan.slots.on and math.isinf(plan.study.close_after_days)
        self.slots: dict[int, Resource] = {}
        self.allocation = Allocation(plan, seed, number)
        self.sites = [make_site(plan, seed, number, site) for site in range(int(plan.sites.number))]
        for site in self.sites:
            self.agenda.process(self.recruit(site))
        self.agenda.process(self.last_day())

    def recruit(self, site: Site) -> Generator[Event, None, None]:
        """Open a site, then screen its candidates one after another until enrolment closes or the site is full."""
        word = patient_word(site.number, SITE_ITSELF)
        place = historical.place_in_era(float(site.number), self.plan.historical.sites)
        opening = self.on_clock(sites.site_opens(place, self.plan.sites.opening_interval_days))
        yield self.agenda.at(opening, Kind.SITE_OPEN, word, 0)
        self.events.append((opening, int(Kind.SITE_OPEN), word, 0, site.rate))
        for arrival, time in enumerate(self.arrivals(site.number, opening, site.rate)):
            at = self.on_clock(time)
            if at > self.plan.enrolment.max_days:
                return
            yield self.agenda.at(at, Kind.SCREENED, patient_word(site.number, arrival), 0)
            if self.closed or self.is_full(site):
                return
            self.meet(Patient(self, site, arrival, at))

    def is_full(self, site: Site) -> bool:
        """Tell whether nobody more is to be screened at a site, while enrolment is open."""
        return sites.is_full(float(site.entered), self.plan.sites.most) or era_is_full(self, site.number)

    def spent(self, site: int, arrival: int) -> float:
        """Draw the unit exponential that lies before a candidate's arrival."""
        return exponential(uniforms(self.seed, self.number, patient_word(site, arrival), PERSON, 0)[0])

    def arrivals(self, site: int, opening: float, rate: float) -> Generator[float, None, None]:
        """Give the arrival times at a site: Poisson from its opening, or a fixed number of sorted uniform ones."""
        entry, time, arrival = self.plan.enrolment, opening, 0
        share = enrolment.share_of_target(float(site), self.plan.sites.number, entry.target)
        spent = total = 0.0
        if entry.uniform:
            for k in range(int(share) + 1):
                total += self.spent(site, k)
        while True:
            if entry.uniform:
                if arrival >= share:
                    return
                spent += self.spent(site, arrival)
                time = enrolment.uniform_arrival(spent, total, opening, entry.accrual_days)
            else:
                possible = sites.possible_rate(rate, self.plan.self_referral.weight)
                time += sites.arrival_gap(self.spent(site, arrival), possible)
            phases = self.plan.sites
            if phases.phases:
                yield sites.phase_arrival(time, opening, phases.phase_from, phases.phase_factor, phases.phases)
            else:
                yield time
            arrival += 1

    def meet(self, patient: Patient) -> None:
        """Let a candidate who presents be screened; those who stay at home leave no trace."""
        patient.history()
        if not patient.presents():
            return
        self.patients.append(patient)
        if patient.screen():
            self.agenda.process(patient.live())

    def last_day(self) -> Generator[Event, None, None]:
        """Close enrolment on its last day at the latest."""
        yield self.agenda.at(self.on_clock(self.plan.enrolment.max_days), Kind.ENROLMENT_CLOSED, TRIAL_WORD, 0)
        if not self.closed:
            self.close()

    def close(self) -> None:
        """Close enrolment."""
        self.closed = True
        self.end_day = self.agenda.now + self.plan.study.close_after_days
        if self.end_day < math.inf:
            for patient in self.patients:
                patient.study_ends()
        self.events.append((self.agenda.now, int(Kind.ENROLMENT_CLOSED), TRIAL_WORD, 0, float(self.entered)))

    def room(self, site: int) -> Resource:
        """Give the procedure slots of a site."""
        if site not in self.slots:
            self.slots[site] = Resource(self.agenda, int(self.plan.slots.per_site))
        return self.slots[site]

    def enter(self, patient: Patient) -> int:
        """Give the patient's number in the trial, or -1 for who is turned away: all is full, or by steering."""
        admits = bool(self.plan.enrolment.admit)
        shut = (self.closed or self.is_full(patient.here)) and not admits
        if shut or era_is_full(self, patient.site) or course_is_full(self, patient):
            patient.reason = eligibility.TURNED_AWAY
            patient.note(Kind.TURNED_AWAY, 0, 0.0)
            return -1
        if self.allocation.steers_away(patient):
            patient.reason = eligibility.STEERED
            patient.note(Kind.STEERED_AWAY, 0, patient.recalled[0])
            return -1
        number = self.entered
        self.entered += 1
        self.of_course[patient.course] += 1.0
        patient.here.entered += 1
        patient.note(Kind.ENROLLED, 0, float(self.entered))
        if self.entered == self.plan.enrolment.target and not self.closed:
            self.close()
        return number

    def allocate(self, patient: Patient) -> int:
        """Give the patient's arm: the only one, that of a group or era, or the next by the trial's allocation."""
        if not self.plan.study.randomised:
            return patient.group or arm_by_era(patient)
        arm = self.allocation.next_arm(patient)
        self.allocation.take(patient, arm)
        patient.note(Kind.RANDOMISED, 0, float(arm))
        return arm

    def on_clock(self, time: float) -> float:
        """Round a time up to the scenario's clock."""
        return on_clock(time, self.plan.study.resolution)

    def records(self) -> TrialRecords:
        """Gather the records of everyone who was screened."""
        rows: dict[str, list[tuple[Any, ...]]] = {
            name: [] for name in ("subjects", "relapses", "visits", "veins", "procedures", "imaging")
        }
        rows["events"] = list(self.events)
        for p in self.patients:
            rows["subjects"].append(subject_row(p))
            rows["relapses"].extend(relapse_rows(p))
            rows["visits"].extend(p.visits)
            rows["procedures"].extend(p.procedures)
            rows["imaging"].extend(p.surveillance.readings)
            rows["events"].extend(p.events)
            if p.entered:
                rows["veins"].extend(vein_rows(p))
        return pack(self.number, rows)


def subject_row(p: Patient) -> tuple[Any, ...]:
    """Give a candidate's row in the layout `records.SUBJECT`."""
    treated = sum(v.treated for v in p.own_veins)
    opened = sum(v.opened for v in p.own_veins)
    active = next(s.told for s in reversed(p.latent.path) if s.start <= p.screening_time)
    return (
        p.site,
        p.arrival,
        p.screening_time,
        p.screening_edss,
        *p.recalled,
        p.reason,
        p.entry_number,
        p.arm,
        p.procedure,
        p.entry_time,
        p.day_1,
        p.procedure_time,
        p.planned_end,
        p.end_time,
        p.dropped_out,
        treated,
        opened,
        p.medication_time,
        p.frailty,
        active,
        p.baseline,
        p.slope,
        p.quality_start,
        *p.beliefs,
        p.msfc_start,
        p.mental_start,
        p.lesion_factor,
        p.course,
        p.doppler_criteria,
        p.venography,
        p.ivus,
        earliest([v.restenosis_time for v in p.own_veins]),
        earliest([v.detected_time for v in p.own_veins]),
        *p.guesses,
        p.dropout_reason,
        p.medication_stop_time,
        p.escalation_time,
        p.outside_time,
    )


def earliest(times: list[float]) -> float:
    """Give the first of these times, NaN where none ever came."""
    return min((time for time in times if not math.isnan(time)), default=NEVER)


def relapse_rows(p: Patient) -> list[tuple[Any, ...]]:
    """Give a candidate's relapses in the layout `records.RELAPSE`."""
    return [
        (
            p.site,
            p.arrival,
            r.number,
            r.point,
            int(r.pseudo),
            r.onset,
            r.severity,
            r.residual,
            r.recalled_onset,
            r.reported_time,
            r.confirmed_time,
        )
        for r in p.relapses
    ]


def vein_rows(p: Patient) -> list[tuple[Any, ...]]:
    """Give a patient's veins in the layout `records.VEIN`."""
    return [
        (p.site, p.arrival, number, int(v.stenosed), int(v.treated), int(v.opened), v.restenosis_time, v.detected_time)
        for number, v in enumerate(p.own_veins)
    ]
