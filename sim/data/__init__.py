"""Floor 4: records in, what the statistician receives out: cohorts, windows, tables."""
