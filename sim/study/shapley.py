"""Shares of a whole that several players make together: Shapley values, what each makes alone, what goes without it.

A game gives a value to every set of players. Every share is a sum of such values with fixed rational weights, so it is
worked out as that sum, without rounding, and rounded once: shares add up to the whole but for one rounding each.

Sources: Shapley (1953), "A value for n-person games"; pairwise interactions: Grabisch and Roubens (1999), Int J Game
Theory 28:547-565; sampled orders: Castro, Gomez, Tejada (2009), Computers & OR 36:1726-1730 (all three recalled).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

Side = frozenset[str]
"""A set of players."""

Weights = dict[Side, Fraction]
"""A sum of values of sets, each times a rational weight."""

NOBODY: Side = frozenset()
MOST_EXACT = 8
ORDERS = 24


def sides(players: Iterable[str]) -> Iterator[Side]:
    """Give every set of these players, small ones first, in an order that does not depend on that of the players."""
    names = sorted(players)
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))


def shapley(players: Sequence[str], player: str) -> Weights:
    """Give the Shapley value: what a player adds, on average over all orders in which they may come."""
    others, n = [p for p in players if p != player], len(players)
    found: Weights = {}
    for side in sides(others):
        weight = Fraction(math.factorial(len(side)) * math.factorial(n - len(side) - 1), math.factorial(n))
        found[side | {player}], found[side] = weight, -weight
    return found


def interaction(players: Sequence[str], one: str, other: str) -> Weights:
    """Give the Shapley interaction: what two add together beyond what each adds, averaged over the sets of others."""
    rest, n = [p for p in players if p not in (one, other)], len(players)
    found: Weights = {}
    for side in sides(rest):
        weight = Fraction(math.factorial(len(side)) * math.factorial(n - len(side) - 2), math.factorial(n - 1))
        found |= {side: weight, side | {one, other}: weight, side | {one}: -weight, side | {other}: -weight}
    return found


def alone(player: str) -> Weights:
    """Give what a player makes where no other is."""
    return {frozenset((player,)): Fraction(1), NOBODY: Fraction(-1)}


def without(players: Sequence[str], player: str) -> Weights:
    """Give what goes when a player leaves all the others."""
    return {frozenset(players): Fraction(1), frozenset(players) - {player}: Fraction(-1)}


def order(players: Iterable[str], seed: int, number: int) -> list[str]:
    """Draw an order of the players: by a hash of seed, number and name, whatever the order they are listed in."""
    return sorted(players, key=lambda name: hashlib.sha256(f"{seed}/{number}/{name}".encode()).digest())


@dataclass(frozen=True)
class Plan:
    """Which sets are to be valued, and how shares are made of them.

    Up to MOST_EXACT players every set; above that the sets that sampled orders pass through. Sampled orders are
    taken forwards and backwards, a pair at a time. `steps` has, where sampled, each pair's own weights by player.
    """

    players: tuple[str, ...]
    shares: Mapping[str, Weights]
    steps: Mapping[str, Sequence[Weights]]

    @property
    def exact(self) -> bool:
        """Whether nothing is sampled."""
        return not self.steps

    @property
    def sides(self) -> list[Side]:
        """Every set to be valued, small ones first; in the same order whatever the order of the players."""
        single = [w for p in self.players for w in (alone(p), without(self.players, p))]
        asked = {side for weights in (*self.shares.values(), *single) for side in weights}
        return sorted(asked | {NOBODY, frozenset(self.players)}, key=lambda side: (len(side), sorted(side)))

    def spread(self, player: str, value: Callable[[Side], Fraction]) -> float:
        """Give the standard error that comes from sampling orders; 0 where none are sampled."""
        if self.exact:
            return 0.0
        each = [float(total(weights, value)) for weights in self.steps[player]]
        mean = math.fsum(each) / len(each)
        return math.sqrt(math.fsum((x - mean) ** 2 for x in each) / (len(each) * (len(each) - 1)))


def plan(players: Iterable[str], seed: int = 0, most_exact: int = MOST_EXACT, orders: int = ORDERS) -> Plan:
    """Plan the shares of these players: exactly, or from `orders` (even, at least 4) sampled orders."""
    names = tuple(sorted(players))
    if len(names) <= most_exact:
        return Plan(names, {p: shapley(names, p) for p in names}, {})
    pairs = [_pair(order(names, seed, number)) for number in range(orders // 2)]
    steps = {p: [pair[p] for pair in pairs] for p in names}
    return Plan(names, {p: _mean(own) for p, own in steps.items()}, steps)


def added(several: Iterable[Weights]) -> Weights:
    """Give the weights of a sum of shares; sets whose weights cancel are left out."""
    found: Weights = {}
    for weights in several:
        for side, weight in weights.items():
            found[side] = found.get(side, Fraction(0)) + weight
    return {side: weight for side, weight in found.items() if weight}


def total(weights: Weights, value: Callable[[Side], Fraction]) -> Fraction:
    """Add up the values of sets, without rounding."""
    return sum((weight * value(side) for side, weight in weights.items()), Fraction(0))


def _pair(forwards: list[str]) -> dict[str, Weights]:
    """Give what each player adds in an order and in its reverse, on average."""
    both = [_walk(forwards), _walk(forwards[::-1])]
    return {p: _mean([walk[p] for walk in both]) for p in forwards}


def _walk(players: list[str]) -> dict[str, Weights]:
    found = {}
    for k, player in enumerate(players):
        before = frozenset(players[:k])
        found[player] = {before | {player}: Fraction(1), before: Fraction(-1)}
    return found


def _mean(several: Sequence[Weights]) -> Weights:
    return {side: weight / len(several) for side, weight in added(several).items()}
