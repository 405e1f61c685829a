"""The command line: the verbs of the front door. It prints, it never computes; heavy imports stay inside commands."""

from __future__ import annotations

import functools
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.core.defaults import TWIN_TRIALS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.scenario.loaded import Loaded

SEED = click.option("--seed", type=int, default=1, show_default=True, help="Seed of every draw (0 to 2^64 - 1).")
WORKERS = click.option(
    "--workers",
    type=int,
    help="Threads (with --engine reference: processes); the result does not depend on it.  [default: all cores]",
)
ENGINE = click.option(
    "--engine", type=click.Choice(["auto", "compiled", "reference"]), default="auto", show_default=True,
    help="Same answers, other speed; auto: compiled for many trials, reference for one.",
)  # fmt: skip
OUT = click.option("--out", type=click.Path(), help="Folder to write to.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
SET = click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override a value, e.g. effect.rate_ratio=0.7."
)
BELIEFS = click.option(
    "--beliefs", type=click.Choice(["hrobjartsson", "sceptical"]),
    help="Sizes of belief's effects, as --set belief.setting=NAME (docs/blinding.md).",
)  # fmt: skip
UNCERTAIN = click.option(
    "--uncertain", is_flag=True, help="Each trial draws its population (docs/uncertainty.md), power its effect too."
)


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that all studies of many trials have."""

    @functools.wraps(command)
    def run(*, sets: tuple[str, ...], beliefs: str | None, **given: Any) -> Any:
        chosen = (*sets, f"belief.setting={beliefs}") if beliefs else sets
        return command(sets=chosen, **given)

    return with_options(run, AS_JSON, BELIEFS, SET, OUT, ENGINE, WORKERS, SEED)


def with_options(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; the last one put on stands first in the help."""
    for option in options:
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="shamtrial")
def cli() -> None:
    """Simulate sham-controlled trials: power with its error, and benefits that are not there.

    SCENARIO is the name of a shipped scenario (`shamtrial scenarios list`) or the path of a .toml file.
    """


@cli.command()
@click.argument("scenario")
@click.option("--trials", type=int, help="Trials to run.  [default: 500]")
@click.option(
    "--mcse", type=float, help="Trials worked out, from a pilot of 200, for this MCSE of the primary's power."
)
@click.option(
    "--truth-trials", type=int, default=TWIN_TRIALS, show_default=True, help="Twin trials for the truth; 0: no truth."
)
@click.option("--flow", is_flag=True, help="Follow participants too (CONSORT), in the first 100 trials at most.")
@UNCERTAIN
@study_options
def power(scenario: str, trials: int | None, mcse: float | None, truth_trials: int, flow: bool, uncertain: bool,
          seed: int, workers: int | None, engine: str, out: str | None, sets: tuple[str, ...],
          as_json: bool) -> int:  # fmt: skip
    """Power of each endpoint, with its Monte Carlo standard error.

    Bias and coverage stand beside it. SCENARIO is a shipped name (`shamtrial scenarios list`) or the path of a .toml
    file; --out keeps run.json, every estimate (Parquet) and the pictures. Given again, the same command goes on where
    it was stopped, and more --trials are added to those that are there.
    """
    from sim.report.console import power_table, progress
    from sim.study.power import power, primary, rejections

    loaded = _load(scenario, sets)
    counter = rejections(primary(loaded.scenario), loaded.scenario.study.alpha)
    with progress() as bar:
        result = power(
            loaded.scenario, loaded.name, trials, mcse, seed, _workers(workers), truth_trials, engine,
            watch=bar.watch("trials", counter), watch_truth=bar.watch("twin trials (truth)"),
            watch_population=bar.watch("solving the population"), flow=flow, watch_flow=bar.watch("participants"),
            uncertain=uncertain, watch_more=bar.watch, out=out,
        )  # fmt: skip
    for note in result.notes:
        click.echo(note, err=True)
    if result.folder:
        from sim.report.pictures import save_power

        save_power(result, result.folder)
    return _told(result, as_json, lambda: power_table(result))


@cli.command()
@click.argument("scenario")
@click.option("--power", "target", type=float, default=0.9, show_default=True, help="Power to be reached.")
@click.option("--endpoint", help="Its key, or a family such as arr or relapse_free.  [default: the primary]")
@click.option("--vary", default="n", show_default=True, help="What is sized: n (patients), follow_up (months), sites.")
@click.option("--precision", type=float, default=0.03, show_default=True, help="Half-width of the answer's interval.")
@click.option("--parts/--no-parts", default=True, show_default=True, help="What failure, waiting and so on add.")
@click.option("--complication-rate", type=float, help="Size for safety too: to see at least one complication.")
@click.option("--see", type=float, default=0.95, show_default=True, help="... with this probability.")
@click.option("--most-trials", type=int, default=100_000, show_default=True, help="Trials the search may spend.")
@study_options
def size(scenario: str, target: float, endpoint: str | None, vary: str, precision: float, parts: bool,
         complication_rate: float | None, see: float, most_trials: int, seed: int, workers: int | None, engine: str,
         out: str | None, sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """The smallest trial that reaches a power.

    Found by simulation from a closed form on, with an interval for its Monte Carlo error, and verified on fresh
    trials; and what each thing that goes wrong in a trial adds to it.
    """
    from sim.report.console import progress, size_tables
    from sim.study.size import sample_size

    loaded, folder = _load(scenario, sets), _folder(out)
    with progress() as bar:
        result = sample_size(
            loaded.scenario, loaded.name, target, endpoint, vary, precision, seed, _workers(workers), engine, parts,
            complication_rate, see, most_trials, bar.watch,
        )  # fmt: skip
    if folder:
        from sim.report.size import size_figure

        _keep(folder, "size", loaded, seed, result, {"size": size_figure(result)})
    return _told(result, as_json, lambda: size_tables(result))


@cli.command()
@click.argument("scenario")
@click.option("--trial", type=int, default=0, show_default=True, help="Number of the trial, from 0.")
@click.option("--format", "ending", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@SEED
@ENGINE
@OUT
@SET
@AS_JSON
def simulate(scenario: str, trial: int, ending: str, seed: int, engine: str, out: str | None, sets: tuple[str, ...],
             as_json: bool) -> None:  # fmt: skip
    """One trial of SCENARIO as tables.

    It is exactly trial K of the power run with that seed. The flow of its participants stands above the tables; --out
    keeps both, the CONSORT diagram, and a picture of treatment guesses where they are asked.
    """
    from sim.report.console import flow_table, guesses_table
    from sim.study import store
    from sim.study.simulate import simulate

    loaded, folder = _load(scenario, sets), _folder(out)
    begun = time.perf_counter()
    played = simulate(loaded.scenario, loaded.name, trial, seed, engine=engine)
    rows = {name: len(table) for name, table in played.tables.items()}
    summary = {
        "scenario": loaded.name, "digest": loaded.digest, "seed": seed, "trial": trial, "rows": rows,
        "beliefs": played.beliefs.to_dict(), "consort": played.consort.to_dict(),
        "out": str(folder) if folder else None,
    }  # fmt: skip
    if guesses := played.guesses:
        summary["guesses"] = [g.to_dict() for g in guesses]
    if folder:
        from sim.report.pictures import trial_figures
        from sim.report.style import save

        store.write_tables(folder, played, ending)
        store.write_run(folder, "simulate", loaded.scenario, seed, summary, time.perf_counter() - begun)
        for picture, figure in trial_figures(played).items():
            save(figure, folder, picture)

    def show() -> None:
        click.echo(repr(played))
        flow_table(played.consort, played.on_medication)
        if guesses:
            guesses_table(guesses, loaded.scenario.study.alpha)
        for name, count in rows.items():
            if count:
                click.echo(f"  {name:<11}{count:>8} rows")
        click.echo(f"written to {folder}" if folder else "give --out DIR to write the tables")

    _print(summary, as_json, show)


@cli.command()
@click.argument("scenario")
@click.option("--trial", type=int, default=0, show_default=True, help="Number of the trial, from 0.")
@click.option("--patient", required=True, metavar="USUBJID", help="Site and arrival number, e.g. 003-0017.")
@SEED
@OUT
@SET
def trace(scenario: str, trial: int, patient: str, seed: int, out: str | None, sets: tuple[str, ...]) -> None:
    """One patient's life as text, and a picture with --out."""
    from sim.study import store
    from sim.study.simulate import simulate
    from sim.study.trace import full_name, trace

    usubjid = full_name(patient)
    loaded, folder = _load(scenario, sets), _folder(out)
    played = simulate(loaded.scenario, loaded.name, trial, seed)
    text = trace(played, usubjid)
    if folder:
        from sim.report.life import lifeline_data
        from sim.report.lifeline import lifeline_figure
        from sim.report.style import save

        store.write_text(folder / f"life-{usubjid}.txt", text + "\n")
        save(lifeline_figure(lifeline_data(played.tables, usubjid)), folder, f"life-{usubjid}")
    click.echo(text)


@cli.command()
@click.argument("study", default="zamboni_2009")
@click.option("--trials", type=int, help="Replays to run.  [default: 1000; with --explain 300 a setting]")
@click.option("--explain", "explains", is_flag=True, help="Which mechanisms make a before-after result ordinary.")
@UNCERTAIN
@study_options
def replay(study: str, trials: int | None, explains: bool, uncertain: bool, seed: int, workers: int | None,
           engine: str, out: str | None, sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """Replay a published study, judge its figures.

    With veins that do nothing, and with the effect its authors claimed. STUDY is a shipped scenario that holds the
    published figures, a .toml file that extends one, or `all`.
    """
    from sim.core.errors import ShamtrialError
    from sim.report import replays

    if uncertain and explains:
        raise ShamtrialError("--uncertain: found with --explain; allowed: without it")
    how = replays.How(trials, seed, _workers(workers), engine, uncertain)
    if study == "all":
        results = replays.run_all(how, _folder(out), sets, explains)
        status = _failures([f for r in results for f in r.failed])
        _print([r.to_dict() for r in results], as_json, lambda: replays.show_all(results))
        return status
    loaded = _load(study, sets)
    if explains:
        return _told(found := replays.run_explain(loaded, how, _folder(out)), as_json, lambda: replays.show(found))
    result = replays.run_one(loaded, how, None if out is None else Path(out))
    return _told(result, as_json, lambda: replays.show(result))


@cli.command()
@click.argument("scenario", default="surveillance")
@click.option("--trials", type=int, default=1000, show_default=True, help="Replays to run in each setting.")
@study_options
def restenosis(scenario: str, trials: int, seed: int, workers: int | None, engine: str, out: str | None,
               sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """What imaging alone ties restenosis to relapses.

    The same patients imaged on a schedule, after relapses, and by readers who know of them. SCENARIO has both kinds
    of imaging and veins that do nothing.
    """
    from sim.report.console import progress, restenosis_table
    from sim.study.restenosis import restenosis

    loaded, folder = _load(scenario, sets), _folder(out)
    with progress() as bar:
        result = restenosis(
            loaded.scenario, loaded.name, trials, seed, _workers(workers), engine, watch=bar.watch
        )  # fmt: skip
    if folder:
        from sim.report.restenosis import restenosis_figure

        _keep(folder, "restenosis", loaded, seed, result, {"restenosis": restenosis_figure(result)})
    return _told(result, as_json, lambda: restenosis_table(result))


@cli.command()
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--endpoint", help="Its key, or a family such as arr or relapse_free.  [default: the primary]")
@click.option("--trials", type=int, default=2000, show_default=True, help="Trials to run in each world.")
@click.option("--interactions", is_flag=True, help="What each two mechanisms make together, too.")
@study_options
def bias(scenarios: tuple[str, ...], endpoint: str | None, trials: int, interactions: bool, seed: int,
         workers: int | None, engine: str, out: str | None, sets: tuple[str, ...], as_json: bool) -> None:  # fmt: skip
    """What each mechanism has to do with a bias.

    Apparent effect less truth, taken apart by mechanism (Shapley values, each with its Monte Carlo error). Several
    SCENARIOs are drawn side by side: where each design closes a door. --out keeps run.json and the pictures.
    """
    from sim.report.console import ledger_table, progress
    from sim.study.ledger import bias_ledger

    loaded, folder = [_load(name, sets) for name in scenarios], _folder(out)
    with progress() as bar:
        found = [
            bias_ledger(
                one.scenario, one.name, endpoint, trials, seed, _workers(workers), engine, interactions, bar.watch
            )
            for one in loaded
        ]
    if folder:
        from sim.report.doors import save_ledgers
        from sim.study import store

        for one, ledger in zip(loaded, found, strict=True):
            home = folder if len(found) == 1 else store.open_folder(folder / one.name.replace("/", "-"))
            store.write_run(home, "bias", one.scenario, seed, ledger.to_dict(), ledger.elapsed_s)
        save_ledgers(found, folder)
    content = [ledger.to_dict() for ledger in found]

    def show() -> None:
        for ledger in found:
            ledger_table(ledger)

    _print(content if len(found) > 1 else content[0], as_json, show)


@cli.command()
@click.argument("scenario")
@click.option("--trials", type=int, default=200, show_default=True, help="Trials to play of each design.")
@study_options
def rtm(scenario: str, trials: int, seed: int, workers: int | None, engine: str, out: str | None,
        sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """How far the relapse rate falls with nothing done.

    Regression to the mean under the entry rule of SCENARIO: the rate by month, the fall taken apart, the number of
    patients at which it looks like a benefit, and the designs that keep it out.
    """
    from sim.report.console import progress, rtm_tables
    from sim.study.rtm import rtm

    loaded, folder = _load(scenario, sets), _folder(out)
    with progress() as bar:
        result = rtm(loaded.scenario, loaded.name, trials, seed, _workers(workers), engine, watch=bar.watch)
    if folder:
        from sim.report.rtm import remedies_figure, rtm_figure

        _keep(folder, "rtm", loaded, seed, result, {"rtm": rtm_figure(result), "remedies": remedies_figure(result)})
    return _told(result, as_json, lambda: rtm_tables(result))


@cli.command()
@click.argument("scenario", required=False)
@click.option("--endpoint", default="", help="Id of the endpoint that is published.  [default: the primary one]")
@click.option("--studies", type=int, default=20, show_default=True, help="Studies of which the best is published.")
@click.option("--trials", type=int, default=500, show_default=True, help="Sets of so many studies to play.")
@click.option("--null/--own-effect", default=True, show_default=True, help="Veins that do nothing, or the scenario's.")
@click.option("--truth-trials", type=int, default=TWIN_TRIALS, show_default=True, help="Twin trials for the truth.")
@study_options
def small(scenario: str | None, endpoint: str, studies: int, trials: int, null: bool, truth_trials: int, seed: int,
          workers: int | None, engine: str, out: str | None, sets: tuple[str, ...], as_json: bool) -> int:  # fmt: skip
    """Twenty small studies, the best one published.

    Its p and estimate beside all studies and the truth; type S and type M errors where there is an effect. Without
    SCENARIO: the studies that were done, of 8 v 7, 9 v 10, 35 and 65 patients, with veins that do nothing.
    """
    from sim.report.console import progress, small_table
    from sim.study.small import SIZES, small

    asked = [(scenario, endpoint)] if scenario else [(name, endpoint or key) for name, key in SIZES]
    loaded, folder = [_load(name, sets) for name, _ in asked], _folder(out)
    designs = [(one.name, one.scenario, key) for one, (_, key) in zip(loaded, asked, strict=True)]
    with progress() as bar:
        result = small(designs, studies, trials, seed, _workers(workers), null, truth_trials, engine, bar.watch)
    if folder:
        from sim.report.small import small_figure

        _keep(folder, "small", loaded[0], seed, result, {"small": small_figure(result)})
    return _told(result, as_json, lambda: small_table(result))


@cli.command()
@click.option("--out", type=click.Path(), default="out/demo", show_default=True, help="Folder to write to.")
@SEED
@WORKERS
def demo(out: str, seed: int, workers: int | None) -> int:
    """A trial sized, the 2009 study replayed, five pictures."""
    from sim.report.demo import demo
    from sim.study import store

    return _failures(demo(store.open_folder(out), seed, _workers(workers)))


@cli.command()
@AS_JSON
def selftest(as_json: bool) -> int:
    """Whether this machine answers as it should.

    Random words, log and exp, and a few trials in both engines, compared bit by bit; a digest to compare machines by.
    """
    from sim.study.selftest import selftest

    found = selftest()
    _print(found.to_dict(), as_json, lambda: click.echo(repr(found)))
    return 0 if found.passed else 3


@cli.group()
def runs() -> None:
    """List, show, verify and export what --out wrote."""


@runs.command("list")
@click.argument("folder", default="out")
@AS_JSON
def list_runs(folder: str, as_json: bool) -> None:
    """The runs in FOLDER and below it.

    Each with its command, its trials, and whether it is done.
    """
    from sim.report import runs as told
    from sim.report.console import print_table
    from sim.study.opened import found_runs

    found = found_runs(folder)
    content = {"runs": [{k: v for k, v in run.to_dict().items() if k != "result"} for run in found]}
    _print(content, as_json, lambda: print_table(f"Runs in {folder}", told.HEADINGS, told.rows(found), ()))


@runs.command("show")
@click.argument("folder")
@AS_JSON
def show_run(folder: str, as_json: bool) -> None:
    """What run is in FOLDER, what there is of it."""
    from sim.report.runs import lines
    from sim.study.opened import open_run

    run = open_run(folder)
    _print(run.to_dict(), as_json, lambda: click.echo("\n".join(lines(run))))


@runs.command("verify")
@click.argument("folder")
@click.option("--trials", type=int, default=20, show_default=True, help="Trials to play again; 0: only read.")
@click.option("--all", "everything", is_flag=True, help="Play all of them again.")
@SEED
@WORKERS
@ENGINE
@AS_JSON
def verify_run(folder: str, trials: int, everything: bool, seed: int, workers: int | None, engine: str,
               as_json: bool) -> int:  # fmt: skip
    """Whether the run in FOLDER is what it says.

    Reads every chunk, plays a sample of trials again (chosen by --seed) and compares bit for bit; exit status 3
    where something differs.
    """
    from sim.report.console import progress
    from sim.study.opened import open_run
    from sim.study.recheck import verify

    run = open_run(folder)
    with progress() as bar:
        found = verify(run, None if everything else trials, seed, _workers(workers), engine, bar.watch("trials again"))
    _print(found.to_dict(), as_json, lambda: click.echo(repr(found)))
    return 0 if found.passed else 3


@runs.command("export")
@click.argument("folder")
@click.option("--to", required=True, type=click.Path(), help="File to write: its name ends in .csv or .parquet.")
@click.option("--series", help="Which series of chunks.  [default: the only one, else estimates]")
def export_run(folder: str, to: str, series: str | None) -> None:
    """All chunks of FOLDER as one file, CSV or Parquet."""
    from sim.study.opened import open_run

    click.echo(f"written to {open_run(folder).export(to, series)}")


@cli.group()
def scenarios() -> None:
    """List, show and check scenario files."""


@scenarios.command("list")
@AS_JSON
def list_scenarios(as_json: bool) -> None:
    """The shipped scenarios, each with its sentence of intent."""
    import sim

    rows = {name: sim.load(name).scenario.intent for name in sim.scenarios()}

    def show() -> None:
        for name, intent in rows.items():
            click.echo(f"{name}\n    {intent}")

    _print({"scenarios": [{"scenario": n, "intent": i} for n, i in rows.items()]}, as_json, show)


@scenarios.command("show")
@click.argument("scenario")
def show_scenario(scenario: str) -> None:
    """The scenario's own file, as written."""
    from sim.scenario.load import read_tables

    click.echo(Path(read_tables(scenario).files[0]).read_text(encoding="utf-8"), nl=False)


@scenarios.command("check")
@click.argument("scenario")
@SET
@AS_JSON
def check_scenario(scenario: str, sets: tuple[str, ...], as_json: bool) -> None:
    """Check SCENARIO; print every value and which file set it."""
    loaded = _load(scenario, sets)
    values = loaded.values()

    def show() -> None:
        click.echo(f"{loaded!r}\n")
        for v in values:
            unit = "" if v.unit in ("-", "1") else f" {v.unit}"
            value = f"{json.dumps(v.value, ensure_ascii=False)}{unit}"
            click.echo(f"{v.key:<38} {value:<34} {v.set_in if v.set_in != 'default' else f'default ({v.source})'}")

    _print({"scenario": loaded.name, "digest": loaded.digest, "values": [vars(v) for v in values]}, as_json, show)


@scenarios.command("keys")
def keys() -> None:
    """Every key with unit, range, meaning and source.

    Markdown, as in docs/scenario.md.
    """
    from sim.report.keys import keys

    click.echo(keys())


@scenarios.command("schema")
def schema() -> None:
    """JSON Schema of scenario files, for editors."""
    from sim.scenario.schema import Scenario

    made = Scenario.model_json_schema()
    made["properties"]["extends"] = {"type": "string", "description": "name of the scenario this one changes"}
    click.echo(json.dumps(made, indent=2))


def _load(scenario: str, sets: tuple[str, ...]) -> Loaded:
    from sim.scenario.loaded import load, parse_settings

    return load(scenario, parse_settings(sets))


def _folder(out: str | None) -> Path | None:
    from sim.study.runs import other_folder

    return None if out is None else other_folder(out)


def _keep(folder: Path, command: str, loaded: Loaded, seed: int, result: Any, figures: Mapping[str, Figure]) -> None:
    """Write run.json and the pictures, by name."""
    from sim.report.style import save
    from sim.study import store

    store.write_run(folder, command, loaded.scenario, seed, result.to_dict(), result.elapsed_s)
    for name, figure in figures.items():
        save(figure, folder, name)


def _told(result: Any, as_json: bool, show: Callable[[], None]) -> int:
    """Say which trials failed, print the result, and give the exit status."""
    status = _failures(result.failed)
    _print(result.to_dict(), as_json, show)
    return status


def _workers(asked: int | None) -> int:
    from sim.study.runner import available_workers

    return available_workers() if asked is None else asked


def _print(content: Any, as_json: bool, show: Callable[[], None]) -> None:
    if as_json:
        click.echo(json.dumps(content))
    else:
        show()


def _nobody_reads() -> None:
    """Send what is left of our output nowhere, so that Python has nothing to complain of when it ends."""
    if sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failures(failed: Any) -> int:
    for f in failed[:5]:
        click.echo(f"failed: trial {f.trial} of seed {f.seed}: {f.message}", err=True)
    if len(failed) > 5:
        click.echo(f"... and {len(failed) - 5} more failed trials", err=True)
    return 3 if failed else 0


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 3 failed trials, 130 Ctrl-C."""
    from sim.core.errors import ShamtrialError

    try:
        with cli.make_context("shamtrial", sys.argv[1:]) as context:  # cli.main() would end a closed pipe with 1
            status = cli.invoke(context)
        if sys.stdout:
            sys.stdout.flush()
    except click.exceptions.Exit as done:  # --help, --version
        status = done.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except ShamtrialError as error:
        click.echo(str(error), err=True)
        if folder := getattr(error, "folder", ""):
            click.echo(
                f"{folder} keeps what was played; go on with: {shlex.join(['shamtrial', *sys.argv[1:]])}", err=True
            )
        status = error.exit_status
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped by Ctrl-C", err=True)
        status = 130
    except BrokenPipeError:  # `| head`: all is done and written, the reader had enough
        _nobody_reads()
        status = 0
    except OSError as error:
        click.echo(f"{error.filename or 'standard output'}: {error.strerror or error}", err=True)
        _nobody_reads()
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
