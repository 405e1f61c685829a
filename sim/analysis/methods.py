"""Which endpoint is analysed how, on what scale, and which direction is good for the patient."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from sim.analysis.ancova import ANCOVA_METHOD
from sim.analysis.before_after import PAIRED_RATE_RATIO_METHOD, PAIRED_T_METHOD
from sim.analysis.binary import MCNEMAR_METHOD, RISK_DIFFERENCE_METHOD
from sim.analysis.negbin import NEGBIN_METHOD

__all__ = ["ENDPOINTS", "RESERVED", "Endpoint", "parse_endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one endpoint is analysed and spoken of.

    `base` is its name without months; `analysis` the function that answers it and `method` that function's method in
    words (a degenerate data set may answer with a named variant); `scale` that of the estimate; `favourable` +1 if more
    is better for the patient, else -1; `label` and `unit` for axis titles; `design` the kind of trial it belongs to.
    """

    base: str
    analysis: str
    method: str
    scale: Literal["log_ratio", "difference"]
    favourable: Literal[-1, 1]
    label: str
    unit: str
    design: Literal["parallel", "before_after"]


_PARALLEL = (
    Endpoint(
        base="arr",
        analysis="negbin_rate_ratio",
        method=NEGBIN_METHOD,
        scale="log_ratio",
        favourable=-1,
        label="Relapse rate ratio, treated / control",
        unit="log ratio of relapses a year",
        design="parallel",
    ),
    Endpoint(
        base="relapse_free",
        analysis="risk_difference",
        method=RISK_DIFFERENCE_METHOD,
        scale="difference",
        favourable=1,
        label="Share without relapse, treated − control",
        unit="difference in share",
        design="parallel",
    ),
    Endpoint(
        base="edss",
        analysis="ancova_change",
        method=ANCOVA_METHOD,
        scale="difference",
        favourable=-1,
        label="EDSS change, treated − control",
        unit="EDSS points",
        design="parallel",
    ),
    Endpoint(
        base="msqol_physical",
        analysis="ancova_change",
        method=ANCOVA_METHOD,
        scale="difference",
        favourable=1,
        label="MSQOL-54 physical change, treated − control",
        unit="points of 0-100",
        design="parallel",
    ),
)
_BEFORE_AFTER = (
    Endpoint(
        base="relapse_free_change",
        analysis="mcnemar_exact",
        method=MCNEMAR_METHOD,
        scale="difference",
        favourable=1,
        label="Share without relapse, after − before",
        unit="difference in share",
        design="before_after",
    ),
    Endpoint(
        base="arr_change",
        analysis="paired_rate_ratio",
        method=PAIRED_RATE_RATIO_METHOD,
        scale="log_ratio",
        favourable=-1,
        label="Relapse rate ratio, after / before",
        unit="log ratio of relapses a year",
        design="before_after",
    ),
    Endpoint(
        base="edss_change",
        analysis="paired_t",
        method=PAIRED_T_METHOD,
        scale="difference",
        favourable=-1,
        label="EDSS, after − before",
        unit="EDSS points",
        design="before_after",
    ),
    Endpoint(
        base="msqol_physical_change",
        analysis="paired_t",
        method=PAIRED_T_METHOD,
        scale="difference",
        favourable=1,
        label="MSQOL-54 physical, after − before",
        unit="points of 0-100",
        design="before_after",
    ),
)

ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType({e.base: e for e in _PARALLEL + _BEFORE_AFTER})
"""The endpoints served, by base name."""

RESERVED: Final = ("first_relapse", "cdp", "msfc", "msqol_mental", "gd_lesions", "new_t2", "restenosis")
"""Base names promised to later endpoints (first_relapse, cdp_12w, cdp_24w, msfc_24m, ...)."""

_NAME = re.compile(r"(?P<base>[a-z][a-z0-9_]*?)(?:_(?P<count>[1-9][0-9]{0,3})(?P<unit>[mw]))?")


def parse_endpoint(name: str) -> tuple[str, float | None]:
    """Split an endpoint name into (base, months): "arr_24m" is ("arr", 24.0), "arr_change" is ("arr_change", None).

    Raises ValueError, with what is allowed, for an unknown name, for months that are missing or superfluous, and for
    the names that are reserved but not served yet.
    """
    match = _NAME.fullmatch(name)
    base, count, unit = match.group("base", "count", "unit") if match else ("", None, None)
    if base in RESERVED:
        raise ValueError(f"endpoint {name!r} is reserved and not served yet; {_allowed()}")
    endpoint = ENDPOINTS.get(base)
    if endpoint is None or unit == "w" or (endpoint.design == "parallel") is (count is None):
        raise ValueError(f"unknown endpoint {name!r}{_nearest(name)}; {_allowed()}")
    return base, None if count is None else float(count)


def _spellings() -> list[str]:
    """Return how each endpoint is written, N standing for months."""
    return [e.base + ("_Nm" if e.design == "parallel" else "") for e in ENDPOINTS.values()]


def _allowed() -> str:
    """Return the allowed names in words."""
    return f"allowed: {', '.join(_spellings())} (N months, such as 24)"


def _nearest(name: str) -> str:
    """Return a suggestion, or nothing if no name is near."""
    pattern = re.sub(r"_[0-9]+[a-z]*$", "_Nm", name)
    close = difflib.get_close_matches(pattern, _spellings(), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
