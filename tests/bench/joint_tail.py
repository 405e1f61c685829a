"""How surely a joint tail is known: between seeds, as printed, and as the error of a share would have it.

python -m tests.bench.joint_tail
"""

from __future__ import annotations

import math

import numpy as np

import sim

SEEDS = 24
STUDIES: tuple[tuple[str, dict[str, object]], ...] = (
    ("published/traboulsee_2018", {}),
    ("published/premise_2014", {}),
    (
        "published/zamboni_2009",
        {
            "eligibility.selection_weight": 0.15,
            "recall.omission_prob": 0.4,
            "reporting.unreported_by_cured_prob": 0.0,
            "medication.enabled": False,
        },
    ),
)


def main() -> None:
    """Replay each study under many seeds."""
    for name, changes in STUDIES:
        for replays in (300, 2000):
            found = [sim.replay(sim.load(name, changes), trials=replays, seed=s).joint for s in range(1, SEEDS + 1)]
            tails, printed = (np.array([own[key] for own in found]) for key in ("tail_probability", "mcse"))
            mean = float(tails.mean())
            share = math.sqrt(mean * (1.0 - mean) / replays)
            print(
                f"{name}, {replays} replays: mean {mean:.4f}, between seeds {tails.std(ddof=1):.4f}, "
                f"printed {printed.mean():.4f}, a share's {share:.4f}"
            )


if __name__ == "__main__":
    main()
