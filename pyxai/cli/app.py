"""The commands together, and what becomes of their errors."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

import pyxai
from pyxai.cli.bench import bench
from pyxai.cli.check import check
from pyxai.cli.demo import demo
from pyxai.cli.dxai_evaluate import evaluate
from pyxai.cli.dxai_train import train
from pyxai.cli.explain import FAILED_ROWS, explain
from pyxai.cli.info import info
from pyxai.cli.memory import keep_freed_memory
from pyxai.cli.messages import say, speaks
from pyxai.cli.methods import methods
from pyxai.cli.render import render
from pyxai.cli.streams import keep_streams
from pyxai.cli.survey import survey
from pyxai.cli.survey_scores import survey_scores
from pyxai.cli.visualize import visualize
from pyxai.engine import InputError, RunError, StrictStop

_app = typer.Typer(
    name="pyxai",
    help="Explain image classifiers: fast, correctly, at the size of a whole data set.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"pyxai {pyxai.__version__}")
        raise typer.Exit


@_app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """What is asked of no command."""


for _command in (explain, render, check, visualize, survey, survey_scores, demo, bench, info, methods):
    _app.command()(_command)
_dxai = typer.Typer(
    help="Decompose images into class-distinct and class-agnostic parts.", no_args_is_help=True
)
for _command in (train, evaluate):
    _dxai.command()(_command)
_app.add_typer(_dxai, name="dxai")

_UsageError = typer.BadParameter.__base__  # of whichever click typer is built on
_INTERRUPTED = 130  # what typer returns for Ctrl-C


def main() -> None:
    """Run the command line. Errors are one line; exit codes: 0, 1 error, 2 bad input, 3 some rows failed."""
    keep_streams()
    keep_freed_memory()
    shows, warnings.showwarning = warnings.showwarning, _warn
    try:
        code = _app(standalone_mode=False, prog_name="pyxai")
        if code == _INTERRUPTED:
            _complain(_interrupted(), code)
        sys.stdout.flush()
    except _UsageError as error:
        code = _complain(error.format_message() + _hint(error), 2)
    except (InputError, RunError) as error:
        code = _code(error)
        if not error.told:
            say(str(error))
    finally:
        warnings.showwarning = shows
    sys.exit(code or 0)


def _interrupted() -> str:
    """What is said of Ctrl-C: only some commands have runs that can be continued."""
    runs = sys.argv[1:2] == ["explain"] or sys.argv[1:3] == ["dxai", "train"]
    return "interrupted; a run that has begun continues with --resume" if runs else "interrupted"


def _hint(error: Exception) -> str:
    """What to do about an option that a command lacks: those of a method are written in another way."""
    option = getattr(error, "option_name", None)
    command = getattr(getattr(error, "ctx", None), "command", None)
    if option is None or not any(parameter.name == "set_" for parameter in getattr(command, "params", ())):
        return ""
    from pyxai.methods.elsewhere import ARGUMENTS, OPTIONS, simple

    word = simple(option)
    if word in ARGUMENTS:
        return f" ({ARGUMENTS[word]})"
    return f" (an option of a method is given as --set {OPTIONS.get(word, ['NAME'])[0]}=VALUE)"


def _warn(message: Warning | str, *place: object, **options: object) -> None:
    """On one line, as errors are: where in the package it was raised helps nobody."""
    _complain(f"warning: {message}", 0)


def _code(error: InputError | RunError) -> int:
    return 2 if isinstance(error, InputError) else FAILED_ROWS if isinstance(error, StrictStop) else 1


def _complain(message: str, code: int) -> int:
    if message and speaks():  # it is empty where help was shown
        say(message)
    return code
