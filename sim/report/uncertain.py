"""The table of a run whose populations are uncertain: what stands beside the averaged power, and what was drawn."""

from __future__ import annotations

from collections.abc import Iterator

from sim.core.endpoints import UNTESTED, parse_endpoint
from sim.study.between import EACH, Spread, Uncertain
from sim.study.picked import Figure
from sim.study.power import PowerResult

HEADINGS = (
    "endpoint",
    "as fitted",
    "averaged - fitted",
    "SD",
    "5%",
    "95%",
    "share of variance",
)


def rows(result: PowerResult, found: Uncertain) -> Iterator[tuple[str, ...]]:
    """Give a row an endpoint that is tested."""
    for endpoint in result.scenario.endpoint:
        if parse_endpoint(endpoint.name)[0] in UNTESTED:
            continue
        own = found.endpoints[endpoint.key]
        yield endpoint.key, _cell(own.fitted), _cell(own.difference, "+"), *_spread(own.spread)


def _spread(s: Spread | None) -> tuple[str, str, str, str]:
    if s is None:
        return "-", "-", "-", "-"
    if not s.told:
        return f"below {s.most_sd:.3f}", "-", "-", _cell(s.share, "+")
    return _cell(s.sd), _cell(s.low), _cell(s.high), _cell(s.share, "+")


def _cell(figure: Figure, sign: str = "") -> str:
    return f"{figure.value:{sign}.3f} ({figure.mcse:.3f})"


def notes(found: Uncertain) -> Iterator[str]:
    """Say what the result is, what was drawn and held, and how the errors are meant."""
    yield found.words
    d = found.draws
    if d.keys:
        yield f"drawn by each trial, a row of {d.cloud.file} ({len(d.cloud.rows)} populations): {', '.join(d.keys)}"
    if d.held:
        yield f"held: {'; '.join(f'{key} ({reason})' for key, reason in d.held)}"
    yield "each trial draws for itself, so the MCSE of the average, sqrt(p (1 - p) / trials), holds that spread too"
    if found.populations:
        yield (
            f"SD and range are between populations, {found.populations} of {EACH} trials each, binomial noise taken "
            "out (random effects; points of a beta distribution); share of variance: what of the average's variance "
            "is between populations"
        )
    yield "no truth is given: each population has its own (run without --uncertain for that of the fitted one)"
