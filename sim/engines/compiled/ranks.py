"""The ranks of events at one instant (`core.events.Kind`) as the plain numbers that kernels need."""

from __future__ import annotations

from sim.core.events import Kind

ON_SITE_OPEN = int(Kind.SITE_OPEN)
ON_ACTIVITY = int(Kind.ACTIVITY)
ON_RELAPSE = int(Kind.RELAPSE)
ON_PSEUDO = int(Kind.PSEUDO_RELAPSE)
ON_RESTENOSIS = int(Kind.RESTENOSIS)
ON_REPORTED = int(Kind.RELAPSE_REPORTED)
ON_CONFIRMED = int(Kind.RELAPSE_CONFIRMED)
ON_MEDICATION = int(Kind.MEDICATION_START)
ON_SCREENED = int(Kind.SCREENED)
ON_RUN_IN_END = int(Kind.RUN_IN_END)
ON_FAILURE = int(Kind.SCREEN_FAILURE)
ON_ENROLLED = int(Kind.ENROLLED)
ON_TURNED_AWAY = int(Kind.TURNED_AWAY)
ON_RANDOMISED = int(Kind.RANDOMISED)
ON_CLOSED = int(Kind.ENROLMENT_CLOSED)
ON_VISIT = int(Kind.VISIT)
ON_PROCEDURE = int(Kind.PROCEDURE)
ON_VEIN = int(Kind.VEIN_TREATED)
ON_COMPLICATION = int(Kind.COMPLICATION)
ON_DROPOUT = int(Kind.DROPOUT)
ON_END = int(Kind.END_OF_STUDY)
