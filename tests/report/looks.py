"""What the tests of pictures ask of a figure, and hand-made records to make pictures of."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sim.engines.records import LAYOUT, Records, TrialRecords


def axis_labels(figure: Figure) -> list[str]:
    """Give every axis title that is written anywhere in the figure."""
    found = [text for axes in figure.get_axes() for text in (axes.get_xlabel(), axes.get_ylabel())]
    return [text.replace("\n", " ") for text in found if text]


def words(figure: Figure) -> str:
    """Give all text that is written in the figure, headline first."""
    return " ".join([figure.get_suptitle(), *(t.get_text() for axes in figure.get_axes() for t in axes.texts)])


def rows(table: str, *given: Mapping[str, Any]) -> Records:
    """Give records of one table with these fields set, the others 0 (or NaN where they are times and scores)."""
    layout = LAYOUT[table]
    records = np.zeros(len(given), layout)
    for name in layout.names or ():
        if layout[name].kind == "f":
            records[name] = np.nan
    for record, fields in zip(records, given, strict=True):
        for name, value in fields.items():
            record[name] = value
    return records


def trial(**tables: Records) -> TrialRecords:
    """Give the records of a trial with these tables, the others empty."""
    return TrialRecords(0, **({name: np.empty(0, layout) for name, layout in LAYOUT.items()} | tables))
