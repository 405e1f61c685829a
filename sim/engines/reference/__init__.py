"""The readable engine: SimPy for the trial, a diary of competing clocks for each patient."""

from sim.engines.reference.trial import run_trial

__all__ = ["run_trial"]
