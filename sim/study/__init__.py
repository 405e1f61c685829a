"""Floor 6: many trials: runner, performance with its Monte Carlo error, truth, power, replay, store."""
