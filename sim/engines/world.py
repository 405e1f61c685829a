"""A world: one way the same patients' lives could have gone."""

from __future__ import annotations

from typing import NamedTuple


class World(NamedTuple):
    """Which procedure everyone gets (-1: as allocated), whether belief is free, and whether people may leave.

    `reference_belief` = 1 holds everyone's belief on the path of a blinded person without a leak, the same in every
    arm; `attrition` = 0 keeps everyone to the end.
    """

    procedure: float = -1.0
    reference_belief: float = 0.0
    attrition: float = 1.0


OBSERVED = World()


def potential(procedure: float, reference_belief: bool) -> World:
    """Give the world in which every enrolled patient has this procedure and stays to the end."""
    return World(procedure, 1.0 if reference_belief else 0.0, 0.0)
