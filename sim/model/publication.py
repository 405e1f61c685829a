"""Publication of the study that succeeded, among several that asked the same question."""

from __future__ import annotations

from sim.core.params import Table, param


class Publication(Table):
    """How many studies there are behind a published one; moves no patient, only the ledger's chance of a success."""

    studies: int = param(
        20, unit="studies", ge=1, le=10000, meaning="alike studies done, of which one that succeeded is published"
    )
