"""What the terminal shows: progress on stderr, result tables on stdout."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from sim.core.endpoints import UNTESTED, parse_endpoint
from sim.data.consort import Flow
from sim.report import ledger, restenosis, rtm, uncertain
from sim.report import replay_rows as replayed
from sim.report import size as size_report
from sim.report import small as small_report
from sim.report.consort import HAD, WORDS, Count, intercurrent, said, size
from sim.study.between import Uncertain
from sim.study.blinding import Blinding, Index, TrialGuesses
from sim.study.consort import RunFlow
from sim.study.explain import ExplainResult
from sim.study.ledger import Ledger
from sim.study.population import Solution
from sim.study.power import PowerResult
from sim.study.replay import ReplayResult
from sim.study.restenosis import RestenosisResult
from sim.study.rtm import RtmResult
from sim.study.runner import Progress, Watcher
from sim.study.size import SizeResult
from sim.study.small import SmallResults

Counter = Callable[[Any], int]

WIDE = 92
WAY = {
    "allocated": "allocated",
    "received": "received",
    "left_waiting": "left before it",
    "still_waiting": "waiting at end",
    "discontinued": "left early",
    "completed": "followed to the end",
}
EVENTS = HAD | {"lack_of_benefit": "left for lack of benefit"}
INDICES = (
    "Bang: share right less share wrong, don't-knows counted; 1 everybody knows, 0 a coin's guesses. "
    "James: 0 everybody knows, 1/2 a coin's guesses, 1 nobody guesses."
)


class Bars:
    """Progress bars on stderr: done, rate, time left and, where rejections are counted, power and its MCSE so far."""

    def __init__(self, shown: RichProgress) -> None:
        self.shown = shown

    def watch(self, label: str, count: Counter | None = None, said: Callable[[Any], str] | None = None) -> Watcher:
        """Give a watcher that keeps one bar up to date; `said` adds what is to be said of the answers."""
        task = self.shown.add_task(label, total=None, visible=False, note="")
        tally = {"before": 0, "last": 0, "rejected": 0}

        def watcher(progress: Progress, answers: Any) -> None:
            if progress.done < tally["last"]:  # a second run goes on where the first one ended
                tally["before"] += tally["last"]
            tally["last"] = progress.done
            done = tally["before"] + progress.done
            if count and len(answers):
                tally["rejected"] += count(answers)
            note = _pace(progress) + (_so_far(tally["rejected"], done) if count else "")
            note += said(answers) if said else ""
            self.shown.update(task, completed=done, total=tally["before"] + progress.total, note=note, visible=True)

        return watcher


def _pace(progress: Progress) -> str:
    """Say the rate, and from it the time left: trials that a folder held must not make it look fast."""
    rate = progress.per_second
    if rate <= 0.0:
        return "read from the folder"
    left = timedelta(seconds=math.ceil((progress.total - progress.done) / rate))
    return f"{rate:.1f}/s, {left} left" if left else f"{rate:.1f}/s"


def _so_far(rejected: int, done: int) -> str:
    share = rejected / done
    mcse = f"{math.sqrt(share * (1.0 - share) / done):.3f}" if 0 < rejected < done else "-"
    return f", power {share:.3f} (MCSE {mcse})"


@contextmanager
def progress() -> Iterator[Bars]:
    """Show progress bars on stderr while the block runs (nothing where stderr is not a terminal)."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with RichProgress(
        *columns,
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    ) as shown:
        yield Bars(shown)


def print_table(title: str, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]], notes: Iterable[str]) -> None:
    """Print a table and the lines below it; where the terminal is narrow, figures wrap and names never do."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 120
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", no_wrap=not i, overflow="fold")
    for row in rows:
        table.add_row(*row)
    table.padding = (0, 1)
    whole = console.measure(table, options=console.options.update(max_width=1000)).maximum
    if console.width < WIDE or whole > console.width:
        table.padding = (0, 0)  # sooner no air between columns than figures that wrap
    with console.capture() as text:
        console.print(table)
        console.print()
        for line in notes:
            console.print(line, soft_wrap=True)
    click.echo(text.get(), nl=False)


def _number(value: float, digits: int = 3, sign: bool = False) -> str:
    if math.isnan(value):
        return "-"
    rounded = round(value, digits) + 0.0  # what rounds to zero is never negative
    return f"{rounded:+.{digits}f}" if sign else f"{rounded:.{digits}f}"


def power_table(result: PowerResult) -> None:
    """Print a PowerResult: a row an endpoint, then what a reader must know of the methods and the effect."""
    title = f"{result.name}: {result.trials} trial{'s' * (result.trials > 1)}, seed {result.seed}"
    title += f"\n{result.beliefs.words}"
    headings = ("endpoint", quantity(result), "estimate (SD)", "truth", "bias (MCSE)", "coverage")
    print_table(title, headings, _power_rows(result), _power_notes(result))
    if result.uncertain:
        uncertain_table(result, result.uncertain)
    if result.blinding:
        arms = list(result.blinding[0].bang)
        indices = ("guesses", *(f"Bang, {arm} (MCSE)" for arm in arms), "James (MCSE)")
        print_table("Blinding", indices, map(_blinding_row, result.blinding), [INDICES, *_drifts(result.blinding)])
    if result.consort:
        run_flow_table(result.consort)


def _power_rows(result: PowerResult) -> Iterator[tuple[str, ...]]:
    untested = _untested(result)
    for key, p in result.endpoints.items():
        yield (
            key,
            "{:.3f} ({:.3f})".format(*result.share(key)) if key not in untested else "not tested",
            f"{_number(p.estimate_mean, sign=True)} ({_number(p.estimate_sd)})",
            _number(p.truth, sign=True),
            f"{_number(p.bias, sign=True)} ({_number(p.bias_mcse)})",
            _number(p.coverage),
        )


def quantity(result: PowerResult) -> str:
    """Name what the first column holds: power, or assurance where the effect is drawn too."""
    return "assurance (MCSE)" if result.assurance else "power (MCSE)"


def uncertain_table(result: PowerResult, found: Uncertain) -> None:
    """Print what stands beside an averaged power: at the fitted population, the spread, its share; what was drawn."""
    print_table(
        "Populations beside each other (MCSE)",
        uncertain.HEADINGS,
        uncertain.rows(result, found),
        uncertain.notes(found),
    )


def _untested(result: PowerResult) -> set[str]:
    """Give the keys of the endpoints that are shares, compared with nothing."""
    return {e.key for e in result.scenario.endpoint if parse_endpoint(e.name)[0] in UNTESTED}


def _blinding_row(b: Blinding) -> tuple[str, ...]:
    indices = (*b.bang.values(), b.james)
    return f"{b.holder}, {b.occasion}", *(f"{_number(i.mean, sign=True)} ({_number(i.mcse)})" for i in indices)


def _drifts(blinding: Sequence[Blinding]) -> Iterator[str]:
    """Say by how much the arms' guesses have moved apart since the early ones."""
    for b in blinding:
        if b.drift is not None and not math.isnan(b.drift.mean):
            moved = f"{_number(b.drift.mean, sign=True)} (MCSE {_number(b.drift.mcse)})"
            yield f"{b.holder}: the sum of both arms' Bang indices moves by {moved} from the early to the last guess"


def guesses_table(guesses: Sequence[TrialGuesses], alpha: float) -> None:
    """Print who guessed what in a trial, and the blinding indices with intervals of level 1 - alpha."""
    level = f"({100.0 * (1.0 - alpha):g}%)"
    headings = ("guesses", "arm", "angioplasty", "sham", "don't know", f"Bang {level}", f"James {level}")
    print_table("Treatment guesses", headings, (row for g in guesses for row in _guess_rows(g)), [INDICES])


def _guess_rows(g: TrialGuesses) -> Iterator[tuple[str, ...]]:
    """Give a row an arm; James's index is of both and stands in the first."""
    for number, (arm, answers) in enumerate(g.answers.items()):
        who = "" if number else f"{g.holder}, {g.occasion}"
        yield who, arm, *map(str, answers.values()), _interval(g.bang[arm]), "" if number else _interval(g.james)


def _interval(index: Index) -> str:
    value, low, high = (_number(x, digits=2, sign=True) for x in (index.value, index.lower, index.upper))
    return f"{value} ({low} to {high})"


def _calmer(solution: Solution) -> str:
    """Tell that activity varies less than the scenario says, where it does."""
    kept = solution.activity_kept
    return f", with {100.0 * kept:.0f}% of activity's variance," if kept < 1.0 else ""


def _power_notes(result: PowerResult) -> Iterator[str]:
    for key, p in result.endpoints.items():
        scale = "share" if key in _untested(result) else "log ratio" if p.scale == "log_ratio" else "difference"
        odd = ", ".join(f"{name} in {count}" for name, count in p.outcomes.items() if name != "ok")
        yield f"{key}: {scale}; {p.method}" + (f"; {odd} of {result.trials} trials" if odd else "")
    for key, p in result.endpoints.items():
        if p.scale == "log_ratio" and result.scenario.case_control:
            yield f"{key}: apparent odds ratio {_odds(p.estimate_mean)}, true odds ratio {_odds(p.truth)}"
    e = result.effect
    if "effective_rate_ratio" in e:
        yield (
            f"rate ratio while patent {e['nominal_rate_ratio']:.3f}; effective, after failure, waiting and restenosis, "
            f"{e['effective_rate_ratio']:.3f} (MCSE {e['effective_mcse']:.3f})"
        )
    if result.solution:
        s = result.solution
        yield (
            f"population solved: relapse.rate_per_year = {s.rate_per_year:.4f} and "
            f"frailty.variance = {s.frailty_variance:.4f}{_calmer(s)} give {s.on_study_rate_per_year:.3f} "
            f"(MCSE {s.on_study_rate_mcse:.3f}) relapses a year on study, dispersion "
            f"{s.on_study_dispersion:.2f} ({s.on_study_dispersion_mcse:.2f})"
        )
    if result.short_trials:
        yield f"in {result.short_trials} of {result.trials} trials enrolment closed on its last day before the target"
    yield (
        f"engine {result.engine}, {result.trials_per_s:.1f} trials/s, {result.elapsed_s:.1f} s in all, "
        f"digest {result.digest[:12]}"
    )


def _odds(log_ratio: float) -> str:
    return "-" if math.isnan(log_ratio) else f"{math.exp(log_ratio):.3g}"


def replay_table(result: ReplayResult) -> None:
    """Print a ReplayResult: published figures beside the replays, then the three sentences."""
    title = (
        f"{result.study}: {result.trials} replays of {result.name}, {result.patients} patients each, seed {result.seed}"
    )
    title += f"\n{result.beliefs.words}"
    print_table(title, replayed.HEADINGS, replayed.rows(result), replayed.notes(result))


def replays_table(results: Sequence[ReplayResult]) -> None:
    """Print all replays: a row a study, then the three sentences of each."""
    title = (
        f"Published studies replayed {results[0].trials} times each, seed {results[0].seed}: share as far out (MCSE)"
    )
    title += f"\n{'; '.join(dict.fromkeys(r.beliefs.words for r in results))}"
    notes = [line for r in results for line in (*r.sentences, "")]
    print_table(title, replayed.ALL_HEADINGS, map(replayed.study_row, results), notes)


def explain_table(result: ExplainResult) -> None:
    """Print the settings under which a published result is ordinary (where none is, the nearest), and the sentences."""
    title = f"{result.study}: {len(result.settings)} settings, {result.trials} replays each, seed {result.seed}"
    title += f"\n{result.beliefs.words}"
    print_table(title, replayed.SETTING_HEADINGS, replayed.setting_rows(result), result.sentences)


def size_tables(result: SizeResult) -> None:
    """Print a SizeResult: the answer in sentences, what adds to it, the powers played."""
    title = f"{result.name}, {result.endpoint}\n{result.beliefs.words}"
    d = size_report.digits(result)
    rows = [(p.words, _number(p.added, d, sign=True), _number(p.mcse, d), _number(p.without, d)) for p in result.parts]
    if rows:
        print_table(title, ("what adds to the size", f"adds ({result.unit})", "MCSE", "size without it"), rows, [])
        title = "Power by size"
    shown = [(f"{c['value']:,}", f"{c['power']:.3f} ({c['mcse']:.3f})", f"{c['trials']:,}") for c in result.curve]
    verified = f"{result.power:.3f} ({result.mcse:.3f})", f"{result.verification_trials:,} fresh ones"
    shown.append((f"{result.value:,}", *verified))
    print_table(title, (result.unit, "power (MCSE)", "trials"), shown, size_report.sentences(result))


def restenosis_table(result: RestenosisResult) -> None:
    """Print a RestenosisResult: a row a setting (% with MCSE), then what it says of the published sentence."""
    title = f"{result.name}: {result.trials} replays of {result.patients} patients in four settings, seed {result.seed}"
    title += f"\n{result.beliefs.words}"
    print_table(title, restenosis.HEADINGS, restenosis.rows(result), result.sentences)


def ledger_table(result: Ledger) -> None:
    """Print a Ledger: a row a mechanism, what can't act, three sentences, and the chance of a success."""
    worlds = f"{result.worlds} world{'s' * (result.worlds > 1)}"
    title = f"{result.name}, {result.endpoint}: {result.trials} trials in each of {worlds}, seed {result.seed}"
    scale = "log ratio" if result.scale == "log_ratio" else result.unit
    print_table(
        f"{title} ({scale})\n{result.beliefs.words}", ledger.HEADINGS, ledger.rows(result), ledger.notes(result)
    )
    alpha, studies = result.chances.alpha, result.chances.studies
    heading = f"Chance of p < {alpha:g} in the procedure's favour"
    chances = ("", "% of studies (MCSE)")
    print_table(heading, chances, ledger.chance_rows(result), [f"published: the one that succeeded, of {studies}"])


def flow_table(flow: Flow[int], on_medication: Mapping[str, int]) -> None:
    """Print who was screened, kept out and why, each arm's way to the end, and who was on medication at entry."""
    kept_out = _kept_out(flow)
    notes = [f"Screened {flow.screened:,}, entered {flow.entered:,}; kept out: {kept_out}"]
    print_table("Flow of participants", ("Arm", *_headings(flow)), _way(flow, {}), notes)
    intercurrent_table(flow, on_medication)


def run_flow_table(found: RunFlow) -> None:
    """Print the mean flow of participants over a run's first trials, each mean with its Monte Carlo standard error."""
    flow, analysed = found.flow, {arm: said(n) for arm, n in found.analysed.items()}
    title = f"Flow of participants: means (MCSE) over the first {found.trials} trials, recorded whole for this"
    notes = [f"Screened {said(flow.screened)}, entered {said(flow.entered)}; kept out: {_kept_out(flow)}"]
    print_table(title, ("Arm", *_headings(found.flow), "analysed"), _way(flow, analysed), notes)
    intercurrent_table(flow, {})


def _kept_out(flow: Flow[Count]) -> str:
    return ", ".join(f"{WORDS[reason]} {said(n)}" for reason, n in flow.kept_out.items()) or "nobody"


def _shown(flow: Flow[Count]) -> list[str]:
    """Give the columns of `WAY` that say something: not what never happens, nor who is followed where nobody is."""
    if not flow.followed:
        return ["allocated"]
    waits = any(size(a.still_waiting) for a in flow.arms)
    return [name for name in WAY if waits or name != "still_waiting"]


def _headings(flow: Flow[Count]) -> list[str]:
    return [WAY[name] if flow.followed else "examined" for name in _shown(flow)]


def _way(flow: Flow[Count], analysed: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Give a row an arm: the counts of `WAY`, and who was analysed where that is known."""
    for a in flow.arms:
        yield a.arm, *(said(getattr(a, name)) for name in _shown(flow)), *([analysed[a.arm]] if analysed else [])


def intercurrent_table(flow: Flow[Count], on_medication: Mapping[str, int]) -> None:
    """Print how many of each arm had an intercurrent event, a row an event that anybody had."""
    happened = intercurrent(flow)
    if happened:
        rows = ((EVENTS[name], *(said(getattr(a, name)) for a in flow.arms)) for name in happened)
        already = ", ".join(f"{arm} {n:,}" for arm, n in on_medication.items())
        notes = ["Counted from entry on"]
        if any(on_medication.values()):
            notes.append(f"On medication at entry already, so with no start to be counted: {already}")
        print_table("Patients with an intercurrent event", ("event", *(a.arm for a in flow.arms)), rows, notes)


def rtm_tables(result: RtmResult) -> None:
    """Print an RtmResult: the fall taken apart, a row a design, and what they say."""
    title = f"{result.name}: {result.trials} trials, {result.patients:,} patients, nobody treated, seed {result.seed}"
    title += f"\n{result.beliefs.words}"
    print_table(title, rtm.PART_HEADINGS, rtm.part_rows(result), ())
    print_table("Designs (MCSE)", rtm.HEADINGS, rtm.rows(result), result.sentences)


def small_table(result: SmallResults) -> None:
    """Print SmallResults: a row a design (MCSE), and what they say."""
    first = result.designs[0]
    title = f"{first.sets} sets of {first.studies} studies, the most favourable published, seed {result.seed}"
    title += f"\n{'; '.join(dict.fromkeys(d.beliefs.words for d in result.designs))}"
    print_table(title, small_report.HEADINGS, small_report.rows(result), result.sentences)
