"""A world: one way the same patients' lives could have gone."""

from __future__ import annotations

from typing import NamedTuple


class World(NamedTuple):
    """Which procedure everyone gets (-1: as allocated), whether belief is free, whether people may leave, and as in
    which arm everyone is treated (-1: as allocated).

    `reference_belief` = 1 holds everyone's belief on the path of a blinded person without a leak, the same in every
    arm; `attrition` = 0 keeps everyone to the end. A forced procedure is the only one, but for
    its re-treatment; a forced arm has its own delay and its own second procedure.
    """

    procedure: float = -1.0
    reference_belief: float = 0.0
    attrition: float = 1.0
    arm: float = -1.0


OBSERVED = World()


def potential(procedure: float, reference_belief: bool) -> World:
    """Give the world in which every enrolled patient has this procedure and stays to the end."""
    return World(procedure, 1.0 if reference_belief else 0.0, 0.0)


def potential_arm(arm: int, reference_belief: bool) -> World:
    """Give the world in which every enrolled patient is treated as in this arm and stays to the end."""
    return World(-1.0, 1.0 if reference_belief else 0.0, 0.0, float(arm))
