"""Published figures: read as they stand, told apart by id."""

from pathlib import Path

import pytest

from sim import evidence

STATUSES = {"read", "review", "secondary", "derived", "recalled - check before use"}


def test_a_count_left_open_keeps_both_ends() -> None:
    """A count printed as 9-10 stays low and high; a plain count has both ends alike."""
    targets = evidence.targets()
    assert targets["zamboni2009.relapse_free_before"].count == (9, 10)
    assert targets["zamboni2009.relapse_free_after"].count == (17, 18)
    assert targets["zamboni2009.relapse_free_after"].total == 35
    assert targets["bravedreams.flow"].count == (38, 71 - 33)
    assert targets["freedoms.arr"].count is None


def test_numbers_are_numbers_and_blanks_are_none() -> None:
    """Values and limits are floats, totals whole numbers, and what the source doesn't give is None."""
    target = evidence.targets()["hrobjartsson2013"]
    assert (target.value, target.lower, target.upper, target.total) == (-0.23, -0.4, -0.06, 2854)
    assert evidence.targets()["zamboni2009.relapse_free_before"].value is None
    assert evidence.published()["zamboni2009.n"].year == 2009
    assert evidence.published()["stellmann2015.gad"].n is None


def test_every_figure_says_where_it_comes_from() -> None:
    """No figure is without id, study, status and (as printed) reference, and no status is unheard of."""
    for target in evidence.targets().values():
        assert target.id
        assert target.study
        assert target.status in STATUSES
        assert target.use in {"replay", "calibrate", "check"}
        assert target.value is not None or target.count is not None
    for figure in evidence.published().values():
        assert figure.id
        assert figure.value
        assert figure.source
        assert figure.status in STATUSES


def test_no_row_is_lost() -> None:
    """As many figures come out as the files have rows below their headings."""
    folder = Path(evidence.__file__).parent
    for name, figures in (("targets.csv", evidence.targets()), ("published.csv", evidence.published())):
        rows = (folder / name).read_text(encoding="utf-8").splitlines()
        assert len(figures) == len(rows) - 1


def test_known_takes_ids_of_either_file() -> None:
    """An id is known if either file has it; `assumption` is no id."""
    assert evidence.known("freedoms.relapse_free")  # targets.csv
    assert evidence.known("lublin2003.residual")  # published.csv
    assert not evidence.known("assumption")
    assert not evidence.known("")


def test_the_caller_may_change_what_it_got() -> None:
    """Emptying the dict that was handed out leaves the figures as they were."""
    evidence.targets().clear()
    evidence.published().clear()
    assert evidence.targets()
    assert evidence.published()


HEADING = "id,study,arm,quantity,value,count,total,lower,upper,window,use,status\n"
GOOD = "a.b,S,arm,q,0.5,,10,,,w,check,read\n"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(GOOD, id="id twice"),
        pytest.param("a.c,S,arm,q,half,,10,,,w,check,read\n", id="value no number"),
        pytest.param("a.c,S,arm,q,,9 or 10,10,,,w,check,read\n", id="count no number"),
        pytest.param("a.c,S,arm,q,0.5,,10,,,w,check,read,more\n", id="column too many"),
        pytest.param("a.c,S,arm,q,0.5,,10\n", id="column too few"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    """A row that can't be read stops the reading, with file and line."""
    path = tmp_path / "bad.csv"
    path.write_text(HEADING + GOOD + row, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.csv:3: "):
        evidence.read(path, evidence._target)
