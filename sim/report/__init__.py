"""Pictures of trials: each file computes the data of one figure, and draws it."""
