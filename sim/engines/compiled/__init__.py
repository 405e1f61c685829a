"""The compiled engine: the same trials as the readable one, to the last bit, thousands of times faster."""

from sim.engines.compiled.run import run_cohorts, run_trial
from sim.engines.compiled.wants import EVERYTHING, Want

__all__ = ["EVERYTHING", "Want", "run_cohorts", "run_trial"]
