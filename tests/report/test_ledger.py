"""The pictures and words of a bias ledger, from ledgers made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from sim.report.doors import comparable, doors_figure, doors_message, mechanisms
from sim.report.ledger import ledger_figure, message, notes, steps
from sim.report.ledger import rows as table_rows
from sim.scenario.beliefs import Beliefs
from sim.study.acting import MECHANISMS, SAME
from sim.study.chances import CHOICES, PUBLICATION, Chances
from sim.study.game import Entry
from sim.study.ledger import Ledger
from sim.study.remedies import REMEDIES, WORDS
from tests.report.looks import axis_labels, words


def ledger(*shares: tuple[str, float], none: float = 0.0, mcse: float = 0.01, **changes: object) -> Ledger:
    """Give a before-after ledger with these shares; all other mechanisms are closed."""
    acting = [Entry(name, share, mcse, share, mcse, share, mcse) for name, share in shares]
    shut = [Entry(name, closed="cannot") for name in sorted(MECHANISMS) if name not in dict(shares)]
    total = math.fsum(share for _, share in shares)
    chance = Chances(0.05, 20, 0.5, 0.03, 0.47, dict.fromkeys(("apparent", "none", "sum"), 0.01), ())
    errors = dict.fromkeys(("apparent", "bias", "none", "sum"), mcse) | {"truth": 0.0, "overlap": 0.0}
    made = Ledger(
        name="published/zamboni_2009",
        digest="0" * 64,
        seed=1,
        trials=200,
        design="uncontrolled_before_after",
        endpoint="relapse_free_change",
        scale="difference",
        favourable=1,
        label="Share without relapse, after - before",
        unit="share",
        apparent=none + total,
        truth=0.0,
        none=none,
        sum=total,
        errors=errors,
        entries=(*acting, *shut),
        overlap=0.6,
        entered=(35.0, 35.0),
        exact=True,
        worlds=2 ** len(shares),
        no_effect=True,
        chances=chance,
        beliefs=Beliefs("hrobjartsson"),
        elapsed_s=1.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


BIASED = ledger(("selection", 0.15), ("placebo", 0.04), ("recall", -0.05), none=0.005)
NOTHING = ledger(("selection", 0.02), none=-0.01, name="sham_rct", design="sham_parallel")


def test_every_mechanism_has_words_and_a_remedy() -> None:
    """What a ledger may name, it can name in words; every mechanism of a bias has a remedy in both kinds of design."""
    assert set(MECHANISMS) == set(REMEDIES)
    assert set(WORDS) == {*MECHANISMS, *CHOICES, PUBLICATION}


def test_bars_go_from_the_truth_to_what_is_shown() -> None:
    """Each bar begins where the one before it ends, and the last share ends at the apparent effect."""
    bars = steps(BIASED)
    assert [b.name for b in bars][0::5] == ["True effect", "What the study shows"]
    for one, other in pairwise(bars[1:-1]):
        assert other.start == one.end
    assert bars[-2].end == pytest.approx(bars[-1].end)
    assert (bars[0].label, bars[2].label, bars[4].label) == ("0 exactly", "+15.0", "−5.0")


def test_the_waterfall_says_what_it_shows() -> None:
    """The axis has a unit, bars are named and labelled, the direction is marked, and the message follows the data."""
    figure = ledger_figure(BIASED)
    assert axis_labels(figure) == ["Share without relapse, after - before (points of 100 patients)"]
    assert "favours the procedure →" in words(figure)
    assert "+14.5 points of 100: most of it by selection on recent relapses and placebo response" in message(BIASED)
    assert message(NOTHING).endswith("no bias beyond its error")
    ratio = ledger(("selection", -0.7), scale="log_ratio", favourable=-1, unit="log ratio", label="Relapse rate")
    assert "← favours the procedure" in words(ledger_figure(ratio))
    assert "×0.50" in message(ratio)


def test_designs_side_by_side() -> None:
    """Rows are what acts anywhere, a closed door is marked as such, and scales that differ share no picture."""
    assert mechanisms([BIASED, NOTHING]) == ["selection", "recall", "placebo"]
    figure = doors_figure([BIASED, NOTHING])
    assert words(figure).count("closed") >= 2
    assert "sham_rct closes 2 of 3 doors and shows no bias beyond its error" in doors_message([BIASED, NOTHING])
    assert "zamboni_2009 closes 0 of 3 doors and is biased by +14.5 points of 100" in doors_message([BIASED, NOTHING])
    lacks = replace(NOTHING, entries=tuple(replace(e, closed=e.closed and SAME) for e in NOTHING.entries))
    assert "sham_rct closes 0 of 3 doors" in doors_message([BIASED, lacks])
    assert words(doors_figure([BIASED, lacks])).count("absent") >= 2
    assert comparable([BIASED, NOTHING])
    assert not comparable([BIASED, replace(NOTHING, scale="log_ratio")])


def test_three_sentences_follow_the_figures() -> None:
    """Finding, numbers and remedy name what exceeds its error in the procedure's favour, and nothing else."""
    finding, numbers, remedy = BIASED.sentences
    assert "the procedure does nothing in truth" in finding
    assert "a bias of +14.5 in favour of the procedure" in finding
    assert "selection on recent relapses +15 (MCSE 1)" in numbers
    assert "recall of the past -5 (MCSE 1)" in numbers
    assert "a randomised control group" in remedy
    assert "sham procedure" in remedy
    assert "recall" not in remedy
    open_trial = ledger(("placebo", 0.1), design="open_label_parallel")
    assert "control group" not in open_trial.sentences[2]


def test_where_nothing_exceeds_its_error_that_is_said() -> None:
    """Shares within three errors are not spoken of, and no remedy is offered."""
    finding, numbers, remedy = NOTHING.sentences
    assert "no bias beyond its Monte Carlo error" in finding
    assert "none of the 1 others exceeds its error" in numbers
    assert remedy.startswith("No mechanism favours the procedure beyond its error")


def test_remedies_say_what_they_are_against() -> None:
    """Where shares cancel, or the bias is against the procedure, the third sentence speaks of no bias prevented."""
    cancelled = ledger(("placebo", 0.2), ("recall", -0.2))
    assert cancelled.sentences[2].startswith("There is no bias beyond its error to prevent; what favours")
    against = ledger(("placebo", 0.1), ("recall", -0.3))
    assert against.sentences[2].startswith("The bias is against the procedure; what favours")
    assert BIASED.sentences[2].startswith("What would have prevented it: ")


def test_where_no_mechanism_can_act_that_is_said() -> None:
    """A design that closes every door has a second sentence that ends, and a headline of one line."""
    shut = ledger(name="three_arm", design="three_arm", scale="log_ratio", favourable=-1, unit="log ratio")
    assert shut.sentences[1].endswith("; none of the 14 mechanisms can act in it.")
    assert "\n" not in ledger_figure(shut).get_suptitle()


def test_the_table_has_every_acting_mechanism() -> None:
    """A row each for truth, course, what acts and what is shown; below it, what can't act and why."""
    assert [r[0] for r in table_rows(BIASED)][2:5] == ["selection", "placebo", "recall"]
    assert any(line.startswith("exactly 0: attrition, contamination") for line in notes(BIASED))
