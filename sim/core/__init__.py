"""Floor 0: units, addresses, random numbers, parameters, events, errors. Looks at nothing above."""
