"""The picture of the untreated rate month by month: counting, the source population, the message."""

import numpy as np
import pytest

from sim.core.units import months, years
from sim.data.cohort import cohort
from sim.report.monthly_rate import (
    MonthlyCounts,
    Untreated,
    by_month,
    monthly_counts,
    monthly_rate_data,
    monthly_rate_figure,
)
from sim.study.play import Play
from tests.helpers import scenario
from tests.report.looks import axis_labels, rows, trial, words


def counts(earlier: int, before: int, after: int, patients: int = 50) -> MonthlyCounts:
    """Give patients alike but for one, with these relapses in months 1, 13 and 25."""
    table = np.zeros((patients, 48), np.int64)
    for month, number in ((0, earlier), (12, before), (24, after)):
        table[1:, month] = number
    return MonthlyCounts(table, 100, 120)


def test_counting() -> None:
    """A relapse counts in the month it began; pseudo-relapses, others' relapses and far-off ones do not."""
    who, other = {"site": 1, "arrival": 2}, {"site": 1, "arrival": 3}
    records = trial(
        subjects=rows(
            "subjects",
            who | {"entry_number": 0, "day_1": 100.0, "screening_time": 80.0},
            other | {"entry_number": -1, "screening_time": 90.0},
        ),
        relapses=rows(
            "relapses",
            who | {"onset": 100.0 + months(-24.5)},
            who | {"onset": 100.0 + months(-23.5)},
            who | {"onset": 100.0 + months(-0.5)},
            who | {"onset": 100.0},
            who | {"onset": 100.0 + months(3.5), "pseudo": 1},
            who | {"onset": 100.0 + months(23.9)},
            who | {"onset": 100.0 + months(24.1)},
            other | {"onset": 90.0 - years(1.9)},
            other | {"onset": 90.0 - years(2.1)},
        ),
    )
    found = monthly_counts(records)
    assert np.flatnonzero(found.enrolled[0]).tolist() == [0, 23, 24, 47]
    assert found.enrolled.sum() == 4
    assert (found.screened, found.screened_relapses) == (2, 3)
    assert by_month(cohort(records)).shape == (1, 48)


def test_rates() -> None:
    """Rates are per patient and year with standard errors over patients; the population's is over two years."""
    data = monthly_rate_data("base", [counts(0, 1, 0), counts(0, 1, 0)])
    assert data.patients == 100
    assert data.rate[12] == pytest.approx(12.0 * 0.98)
    assert data.error[12] == pytest.approx(12.0 * np.sqrt(0.98 * 0.02 / 99))
    assert (data.months[0], data.months[24]) == (-23.5, 0.5)
    assert data.population == pytest.approx(240 / (2 * 200))
    assert (data.two_before, data.year_before, data.year_after) == pytest.approx((0.0, 0.98, 0.0))
    assert data.on_study == 0.0


def test_message() -> None:
    """The message claims regression to the mean only where the rate rose before entry and fell after it."""
    claim = "Nobody was treated: the rate falls because patients enter at their worst"
    assert monthly_rate_data("base", [counts(0, 1, 0)]).message == claim
    assert (
        monthly_rate_data("base", [counts(1, 1, 0)]).message
        == "Nobody was treated: 0.98 relapses a year before entry, 0.00 after"
    )
    assert monthly_rate_data("base", [counts(0, 1, 1)]).message != claim
    assert monthly_rate_data("base", [counts(0, 1, 0)], medication=True).message.startswith("Nobody had the procedure")


def test_figure_says() -> None:
    """The picture names its axes with units, the moment of entry and both reference rates."""
    figure = monthly_rate_figure(monthly_rate_data("base", [counts(0, 1, 0)]))
    assert axis_labels(figure) == ["Months from study day 1", "True relapses per patient and year"]
    said = words(figure)
    for text in ("entry into the study", "on study: 0.00 a year", "all who came to screening: 0.60 a year"):
        assert text in said


def test_untreated_world() -> None:
    """Nobody is treated and nobody leaves, whatever the scenario's arms: everyone has 48 months."""
    found = Untreated(Play(scenario("sham_rct", {"enrolment.target": 12}), 1))(0)
    assert found.enrolled.shape == (12, 48)
    assert found.screened > 12
