"""Floor 3: a plan in, records out. Each engine plays the same trial; only choreography is written per engine."""
