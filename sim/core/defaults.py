"""Defaults that the front door, the command line and the studies share."""

TWIN_TRIALS = 500
"""Twin trials behind a truth."""
