"""The endpoint vocabulary: names, scale, favourable direction, axis labels. Append-only."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Scale = Literal["log_ratio", "difference"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one endpoint is called and how it is read.

    `base` is its name without months; `scale` that of the estimate; `favourable` +1 if more is better for the patient,
    else -1; `label` and `unit` for axis titles; `design` the kind of trial it belongs to; `months` whether its name
    says after how many.
    """

    base: str
    scale: Scale
    favourable: Literal[-1, 1]
    label: str
    unit: str
    design: Literal["parallel", "before_after", "case_control"]
    months: bool


_ALL = (
    Endpoint("arr", "log_ratio", -1, "Relapse rate, treated / control", "log ratio", "parallel", True),
    Endpoint("relapse_free", "difference", 1, "Share without relapse, treated - control", "share", "parallel", True),
    Endpoint("edss", "difference", -1, "EDSS change, treated - control", "EDSS points", "parallel", True),
    Endpoint(
        "msqol_physical", "difference", 1, "MSQOL-54 physical change, treated - control", "points", "parallel", True
    ),
    Endpoint("msqol_mental", "difference", 1, "MSQOL-54 mental change, treated - control", "points", "parallel", True),
    Endpoint("msfc", "difference", 1, "MSFC change, treated - control", "z", "parallel", True),
    Endpoint(
        "first_relapse",
        "log_ratio",
        -1,
        "Time to first relapse, hazard ratio treated / control",
        "log ratio",
        "parallel",
        False,
    ),
    *(
        Endpoint(
            f"cdp_{weeks}w",
            "log_ratio",
            -1,
            f"Time to worsening confirmed after {weeks} weeks, hazard ratio treated / control",
            "log ratio",
            "parallel",
            False,
        )
        for weeks in (12, 24)
    ),
    Endpoint(
        "relapse_free_change", "difference", 1, "Share without relapse, after - before", "share", "before_after", False
    ),
    Endpoint("arr_change", "log_ratio", -1, "Relapse rate, after / before", "log ratio", "before_after", False),
    Endpoint("edss_change", "difference", -1, "EDSS, after - before", "EDSS points", "before_after", False),
    Endpoint(
        "msqol_physical_change",
        "difference",
        1,
        "MSQOL-54 physical, after - before",
        "points",
        "before_after",
        False,
    ),
    Endpoint(
        "msqol_mental_change", "difference", 1, "MSQOL-54 mental, after - before", "points", "before_after", False
    ),
    Endpoint("msfc_change", "difference", 1, "MSFC, after - before", "z", "before_after", False),
    Endpoint("gd_lesions", "log_ratio", -1, "Gd lesions a scan, treated / control", "log ratio", "parallel", True),
    Endpoint("new_t2", "log_ratio", -1, "New T2 lesions, treated / control", "log ratio", "parallel", True),
    Endpoint(
        "gd_lesions_change", "log_ratio", -1, "Gd lesions a scan, after / before", "log ratio", "before_after", False
    ),
    Endpoint(
        "ccsvi_odds_ratio",
        "log_ratio",
        -1,
        "Odds of CCSVI on Doppler, with MS / without",
        "log ratio",
        "case_control",
        False,
    ),
    Endpoint("restenosis", "difference", -1, "Restenosis, share of the treated", "share", "before_after", True),
)

ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType({e.base: e for e in _ALL})
"""The endpoints served, by base name."""

UNTESTED: Final = ("restenosis",)
"""Base names of shares that are estimated and compared with nothing: no test, and no power."""

AT_VISITS: Final = ("edss", "msfc", "msqol_physical", "msqol_mental")
"""Base names of the scores taken at visits; each has a twin for before-after designs, `<base>_change`."""

CONFIRMED_AFTER: Final[Mapping[str, float]] = MappingProxyType({"cdp_12w": 12.0, "cdp_24w": 24.0})
"""Weeks after which a worsening has to be confirmed, by endpoint."""

AT_SCANS: Final = ("gd_lesions", "new_t2", "gd_lesions_change")
"""Base names of the endpoints on lesions: these ask for `[lesions]`."""

ON_SCREENING: Final = ("ccsvi_odds_ratio",)
"""Base names of what is found at screening; nothing after it is looked at."""


_NAME = re.compile(r"(?P<base>[a-z][a-z0-9_]*?)(?:_(?P<count>[1-9][0-9]{0,3})(?P<unit>[mw]))?")


def parse_endpoint(name: str) -> tuple[str, float | None]:
    """Split an endpoint name into (base, months): "arr_24m" is ("arr", 24.0), "arr_change" is ("arr_change", None).

    Raises ValueError, with what is allowed, for an unknown name and for months that are missing or superfluous.
    The weeks of "cdp_12w" belong to its name.
    """
    if name in CONFIRMED_AFTER:
        return name, None
    match = _NAME.fullmatch(name)
    base, count, unit = match.group("base", "count", "unit") if match else ("", None, None)
    endpoint = ENDPOINTS.get(base)
    if endpoint is None or unit == "w" or endpoint.months is (count is None):
        raise ValueError(f"unknown endpoint {name!r}; allowed: {allowed_names(name)}")
    return base, None if count is None else float(count)


def _spellings() -> list[str]:
    """Return how each endpoint is written, N standing for months."""
    return [_spelling(e) for e in ENDPOINTS.values()]


def _spelling(endpoint: Endpoint) -> str:
    return endpoint.base + ("_Nm" if endpoint.months else "")


def allowed_names(name: str = "") -> str:
    """Return the allowed names in words, and the one that was perhaps meant by `name`."""
    return f"{', '.join(_spellings())} (N months, such as 24){_nearest(name)}"


def _nearest(name: str) -> str:
    """Return a suggestion, or nothing if no name is near; months are left out, since they make all names alike."""
    words = re.sub(r"_([0-9]+|N)[a-z]*$", "", name)
    close = difflib.get_close_matches(words, ENDPOINTS, n=1)
    return f"; did you mean {_spelling(ENDPOINTS[close[0]])!r}?" if close else ""
