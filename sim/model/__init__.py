"""Floor 1: one file per mechanism, holding its parameters and its pure rules. No clock, no engine, no table."""
