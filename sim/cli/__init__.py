"""The command line: the verbs of the front door. It prints, it never computes; heavy imports stay inside commands."""

from __future__ import annotations

import os
import shlex
import sys

import click

from sim.cli import (  # noqa: F401 - each puts its commands into the group
    comparing,
    findings,
    machine,
    runs,
    scenarios,
    sizing,
    sweeps,
    trials,
)
from sim.cli.options import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 3 failed trials, 130 Ctrl-C."""
    from sim.core.errors import ShamtrialError
    from sim.study.ctrl_c import ctrl_c_remembered

    try:
        with (
            ctrl_c_remembered(),
            cli.make_context("shamtrial", sys.argv[1:]) as context,
        ):  # cli.main() would end a closed pipe with 1
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


def _nobody_reads() -> None:
    """Send what is left of our output nowhere, so that Python has nothing to complain of when it ends."""
    if sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
