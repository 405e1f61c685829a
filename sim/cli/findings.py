"""Commands that show where a finding comes from."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import (
    UNCERTAIN,
    cli,
    study_options,
)
from sim.cli.shared import failures, keep_run, load_scenario, out_folder, print_result, told, workers_of
from sim.core.defaults import TWIN_TRIALS


@cli.command()
@click.argument("study", default="zamboni_2009")
@click.option("--trials", type=int, help="Replays to run.  [default: 1000; with --explain 2000 a setting]")
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
    how = replays.How(trials, seed, workers_of(workers), engine, uncertain)
    if study == "all":
        results = replays.run_all(how, out_folder(out), sets, explains)
        status = failures([f for r in results for f in r.failed])
        print_result([r.to_dict() for r in results], as_json, lambda: replays.show_all(results))
        return status
    loaded = load_scenario(study, sets)
    if explains:
        return told(found := replays.run_explain(loaded, how, out_folder(out)), as_json, lambda: replays.show(found))
    result = replays.run_one(loaded, how, None if out is None else Path(out))
    return told(result, as_json, lambda: replays.show(result))


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

    loaded, folder = load_scenario(scenario, sets), out_folder(out)
    with progress() as bar:
        result = restenosis(
            loaded.scenario, loaded.name, trials, seed, workers_of(workers), engine, watch=bar.watch
        )  # fmt: skip
    if folder:
        from sim.report.restenosis import restenosis_figure

        keep_run(folder, "restenosis", loaded, seed, result, {"restenosis": restenosis_figure(result)})
    return told(result, as_json, lambda: restenosis_table(result))


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
    SCENARIOs are drawn side by side: where each design closes a door. --out keeps run.json, the sums of every trial and
    the pictures; given again, the same command goes on where it was stopped.
    """
    from sim.report.console import ledger_table, progress
    from sim.study.ledger import bias_ledger

    loaded = [load_scenario(name, sets) for name in scenarios]
    several = len(loaded) > 1
    homes = [Path(out, one.name.replace("/", "-")) if out and several else out for one in loaded]
    with progress() as bar:
        found = [
            bias_ledger(
                one.scenario,
                one.name,
                endpoint,
                trials,
                seed,
                workers_of(workers),
                engine,
                interactions,
                bar.watch,
                home,
            )
            for one, home in zip(loaded, homes, strict=True)
        ]
    if out is not None:
        from sim.report.doors import save_ledgers

        save_ledgers(found, Path(out))
    content = [ledger.to_dict() for ledger in found]

    def show() -> None:
        for ledger in found:
            ledger_table(ledger)

    print_result(content if len(found) > 1 else content[0], as_json, show)


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

    loaded, folder = load_scenario(scenario, sets), out_folder(out)
    with progress() as bar:
        result = rtm(loaded.scenario, loaded.name, trials, seed, workers_of(workers), engine, watch=bar.watch)
    if folder:
        from sim.report.rtm import remedies_figure, rtm_figure

        keep_run(folder, "rtm", loaded, seed, result, {"rtm": rtm_figure(result), "remedies": remedies_figure(result)})
    return told(result, as_json, lambda: rtm_tables(result))


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
    loaded, folder = [load_scenario(name, sets) for name, _ in asked], out_folder(out)
    designs = [(one.name, one.scenario, key) for one, (_, key) in zip(loaded, asked, strict=True)]
    with progress() as bar:
        result = small(designs, studies, trials, seed, workers_of(workers), null, truth_trials, engine, bar.watch)
    if folder:
        from sim.report.small import small_figure

        keep_run(folder, "small", loaded[0], seed, result, {"small": small_figure(result)})
    return told(result, as_json, lambda: small_table(result))
