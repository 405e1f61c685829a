"""Contract: docs/tables.md describes what `simulate` writes."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import sim
from sim.data.tables import TABLES
from sim.report.keys import event_kinds
from tests.contract.commands import ROOT

PAGE = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
SMALL = {"enrolment.target": 4, "randomisation.block_size": 4, "lesions.enabled": True}


@pytest.fixture(scope="module")
def written() -> dict[str, pd.DataFrame]:
    """The tables of a small trial."""
    return sim.simulate(sim.load("sham_rct", SMALL), engine="reference").tables


def section(table: str) -> str:
    """Give the page's section on a table."""
    return PAGE.partition(f"\n## {table}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described_in_its_order(table: str, written: dict[str, pd.DataFrame]) -> None:
    """A table's section lists exactly the columns that are written, in their order, each with unit and meaning."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", section(table).partition("| rank |")[0], re.MULTILINE)
    assert [name for name, _, _ in rows] == list(written[table].columns)
    assert all(unit and meaning for _, unit, meaning in rows)


def test_the_page_names_every_table_once() -> None:
    """There is one section a table, and one row of the list at the top."""
    for table in TABLES:
        assert PAGE.count(f"\n## {table}\n") == 1
        assert PAGE.count(f"| [`{table}`](#{table}) |") == 1


def test_the_table_of_events_is_that_of_the_code() -> None:
    """The page holds each kind of event with its rank and the meaning of its value, as the code has them."""
    assert f"\n\n{event_kinds()}\n\n" in section("events")


def test_a_patients_events_are_of_kinds_on_the_page(written: dict[str, pd.DataFrame]) -> None:
    """Every kind that occurs in a trial stands on the page with the rank it has in the log."""
    seen = written["events"][["rank", "event"]].drop_duplicates()
    assert len(seen) > 10
    for rank, event in seen.itertuples(index=False):
        assert f"| {rank} | `{event}` |" in PAGE
