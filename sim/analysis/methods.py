"""Which analysis answers which endpoint: the vocabulary of `sim.core.endpoints`, with a method to each name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sim.analysis.ancova import ANCOVA_METHOD
from sim.analysis.before_after import PAIRED_RATE_RATIO_METHOD, PAIRED_T_METHOD
from sim.analysis.binary import MCNEMAR_METHOD, RISK_DIFFERENCE_METHOD
from sim.analysis.negbin import NEGBIN_METHOD
from sim.core.endpoints import ENDPOINTS, Endpoint, parse_endpoint

__all__ = ["ENDPOINTS", "METHODS", "Endpoint", "Method", "method_of", "parse_endpoint"]


@dataclass(frozen=True, slots=True)
class Method:
    """How one endpoint is analysed.

    `endpoint` holds its scale, favourable direction, label, unit and design; `analysis` names the function that answers
    it and `method` says in words what that function does (a degenerate trial may be answered by a named variant).
    """

    endpoint: Endpoint
    analysis: str
    method: str


_CHOSEN: Final = {
    "arr": ("negbin_rate_ratio", NEGBIN_METHOD),
    "relapse_free": ("risk_difference", RISK_DIFFERENCE_METHOD),
    "edss": ("ancova_change", ANCOVA_METHOD),
    "msqol_physical": ("ancova_change", ANCOVA_METHOD),
    "relapse_free_change": ("mcnemar_exact", MCNEMAR_METHOD),
    "arr_change": ("paired_rate_ratio", PAIRED_RATE_RATIO_METHOD),
    "edss_change": ("paired_t", PAIRED_T_METHOD),
    "msqol_physical_change": ("paired_t", PAIRED_T_METHOD),
}

METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {base: Method(ENDPOINTS[base], analysis, words) for base, (analysis, words) in _CHOSEN.items()}
)
"""The method of every endpoint served, by base name."""


def method_of(name: str) -> Method:
    """Return the method of an endpoint given by its full name ("arr_24m"); ValueError as `parse_endpoint` raises it."""
    return METHODS[parse_endpoint(name)[0]]
