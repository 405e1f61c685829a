"""The words, tables and picture of a comparison say what its figures say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from sim.report.compare import comparison_figure, comparison_tables, message
from sim.scenario.variants import load_designs
from sim.study.compare import Comparison, compare
from sim.study.exclude import Limit
from sim.study.picked import Figure
from tests.report.looks import axis_labels, words

DESIGNS = ("bench/j1", "bench/j1:effect.rate_ratio=0.4", "bench/j1:dropout.hazard_per_year=0.11")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """J1 beside one with a larger effect and one with hardly more dropout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return compare(load_designs(DESIGNS), trials=400, truth_trials=100)


def _with_null(r: Comparison, number: int, **changes: Any) -> Comparison:
    designs = list(r.designs)
    null = designs[number].null
    assert null is not None
    designs[number] = replace(designs[number], null=replace(null, **changes))
    return replace(r, designs=tuple(designs))


def test_the_picture_is_named(found: Comparison) -> None:
    """Axes carry units, each design its name; powers and differences are written at their marks."""
    figure = comparison_figure(found)
    assert axis_labels(figure) == ["Trials that reject (%)", "Difference in power (percentage points)"]
    ticks = [t.get_text() for t in figure.get_axes()[0].get_yticklabels()]
    assert [t.replace("\n", " ") for t in ticks] == [
        "bench/j1", "bench/j1 effect.rate_ratio=0.4", "bench/j1 dropout.hazard_per_year   = 0.11"
    ]  # fmt: skip
    for d in found.designs:
        assert f"{100.0 * d.performance.power:.1f}" in words(figure)
    for p in found.against_first:
        assert f"{100.0 * p.power_difference:+.1f}".replace("-", "−") in words(figure)
    assert message(found) in " ".join(words(figure).split())
    without = replace(found, designs=tuple(replace(d, null=None) for d in found.designs))
    assert len(comparison_figure(without).get_axes()) == 2


def test_the_message_follows_the_figures(found: Comparison) -> None:
    """The largest difference from the first design is told with both powers; what finds effects that are not there, and
    what does not differ surely, is told so."""
    power = found.designs[1].performance.power
    assert message(found).startswith(f"bench/j1 with effect.rate_ratio=0.4 finds an effect in {100.0 * power:.1f}% of")
    assert "where there is none" not in message(found)
    biased = _with_null(found, 1, rejects=Figure(0.3, 0.02), left_out=Figure(0.3, 0.02))
    assert message(biased).endswith("; where there is none, it finds one in 30.0%")
    near = replace(found, pairs=tuple(p for p in found.pairs if p.b == DESIGNS[2]))
    assert (
        message(near) == "No sure difference in power between bench/j1 and bench/j1 with dropout.hazard_per_year=0.11"
    )


def test_the_sentences_follow_the_figures(found: Comparison) -> None:
    """Powers, paired differences, what pairing is worth, and what null trials would exclude, as ratios."""
    power, bias, null = found.sentences
    larger, dropout = found.against_first
    assert f"differs by {100.0 * larger.power_difference:+.1f} points (paired MCSE {100.0 * larger.mcse:.1f}" in power
    assert f"its variance {larger.variance_ratio:.1f} times smaller than on candidates of its own" in power
    assert f"shows no sure difference, {100.0 * dropout.power_difference:+.1f} points" in power
    assert f"{larger.bias_difference:+.3f} (paired MCSE {larger.bias_mcse:.3f}) in bench/j1 with effect" in bias
    first = found.designs[0].null
    assert first is not None
    ratio = math.exp(first.every.half.value)
    assert f"half would exclude a rate ratio below {ratio:.2f} (a reduction of {100 * (1 - ratio):.0f}%)" in null
    assert (
        "in bench/j1, bench/j1 with effect.rate_ratio=0.4 and bench/j1 with dropout.hazard_per_year=0.11 half" in null
    )
    assert "is no evidence" not in null


def test_what_is_odd_is_said(found: Comparison) -> None:
    """A design that leaves out the truth, one that is biased, a pairing that costs, and a limit that is not there."""
    biased = _with_null(found, 1, left_out=Figure(0.3, 0.02))
    assert biased.sentences[2].endswith(
        "The truth, that there is no effect, is excluded by the intervals of 30.0% (MCSE 2.0) of those of bench/j1 "
        "with effect.rate_ratio=0.4, where 5% is meant: what it excludes is no evidence."
    )
    slight = _with_null(found, 1, left_out=Figure(0.056, 0.001))
    assert "is no evidence" not in slight.sentences[2], "a test that is a little liberal is not a biased design"
    first = found.designs[0]
    off = replace(first, performance=replace(first.performance, bias=-0.2, bias_mcse=0.01))
    said = replace(found, designs=(off, *found.designs[1:])).sentences[1]
    assert said.startswith("The mean estimate is off the truth by -0.200 (MCSE 0.010) in bench/j1 (rate ratio ")
    costs = replace(found, pairs=(replace(found.pairs[0], variance_ratio=0.8),))
    assert "no surer than on candidates of its own (variance 1.25 times that)" in costs.sentences[0]
    null = first.null
    assert null is not None
    none = _with_null(found, 0, every=replace(null.every, most=Limit(math.inf, 0.1, math.inf)))
    assert "90% no rate ratio at all" in none.sentences[2]


def test_the_tables_fit(found: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """At 100 columns no line of a table is wider, no figure is cut, and every design has its row in each table."""
    monkeypatch.setenv("COLUMNS", "100")
    comparison_tables(found)
    out = capsys.readouterr().out
    tables = out.partition(found.sentences[0])[0]
    assert tables.count("  effect.rate_ratio=0.4 ") == 3
    framed = [line.rstrip() for line in tables.splitlines() if "; NB2" not in line]
    assert max(map(len, framed)) <= 112
    assert all(len(line) <= 100 for line in framed if not line.startswith(("MCSE: ", "below each: ")))
    for d in found.designs:
        assert f"{d.performance.power:.3f} ({d.performance.mcse:.3f})" in tables
    for p in found.against_first:
        assert f"{p.variance_ratio:.1f} x" in tables
    agree = replace(found, pairs=(replace(found.pairs[0], only_a=0, only_b=0, variance_ratio=math.nan),))
    comparison_tables(agree)
    assert "all trials agree" in capsys.readouterr().out
