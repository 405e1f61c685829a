"""Commands on scenario files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sim.cli.options import (
    AS_JSON,
    SET,
    cli,
)
from sim.cli.shared import load_scenario, print_result


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

    print_result({"scenarios": [{"scenario": n, "intent": i} for n, i in rows.items()]}, as_json, show)


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
    loaded = load_scenario(scenario, sets)
    values = loaded.values()

    def show() -> None:
        click.echo(f"{loaded!r}\n")
        for v in values:
            unit = "" if v.unit in ("-", "1") else f" {v.unit}"
            value = f"{json.dumps(v.value, ensure_ascii=False)}{unit}"
            click.echo(f"{v.key:<38} {value:<34} {v.set_in if v.set_in != 'default' else f'default ({v.source})'}")

    print_result({"scenario": loaded.name, "digest": loaded.digest, "values": [vars(v) for v in values]}, as_json, show)


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
