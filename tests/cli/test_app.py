"""The commands together: exit codes, who speaks, and what help costs."""

import signal
import subprocess
import sys
import warnings

import pytest

import pyxai as package
from pyxai import Explainer
from pyxai.engine import InputError, RunError, StrictStop


def test_help_imports_nothing_heavy(run_python):
    program = """
import sys
from pyxai.cli import main
sys.argv[1:] = ["explain", "--help"]
try:
    main()
finally:
    print("imported:", {"torch", "numpy", "PIL", "zarr"} & {*sys.modules})
"""
    out = run_python(program)
    assert "--batch-size" in out
    assert out.strip().endswith("imported: set()")


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("no such\nthing"), 2), (RunError("no such thing"), 1), (StrictStop("no such thing"), 3)],
)
def test_errors_are_one_line_of_one_process(pyxai, monkeypatch, error, code):
    def refuse(out):
        raise error

    monkeypatch.setattr("pyxai.demo.run", refuse)
    assert pyxai("demo") == (code, "", "pyxai: no such thing\n")
    monkeypatch.setenv("RANK", "1")
    assert pyxai("demo") == (code, "", "pyxai: no such thing\n")
    error.told = True
    assert pyxai("demo") == (code, "", "")


@pytest.mark.parametrize("arguments", [["explain", "--colour", "red"], ["nothing"], ["dxai", "nothing"]])
def test_usage_errors_are_one_line(pyxai, arguments):
    code, out, err = pyxai(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("pyxai: No such ")
    assert err.count("\n") == 1


def test_without_a_command_help_is_shown(pyxai):
    code, out, err = pyxai()
    assert code == 2
    shown = out + err
    assert all(
        command in shown for command in ("explain", "render", "demo", "bench", "info", "methods", "dxai")
    )


def test_interrupting_is_one_line(explain, monkeypatch):
    """Ctrl-C while a run works: what is committed stays, and the run goes on from it."""
    call, before = Explainer.__call__, signal.signal(signal.SIGINT, signal.default_int_handler)
    calls = []

    def interrupted(self, *arguments, **options):
        calls.append(arguments)
        if len(calls) == 66:
            signal.raise_signal(signal.SIGINT)
        return call(self, *arguments, **options)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(Explainer, "__call__", interrupted)
            code, out, err = explain("--batch-size", "1")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, out) == (130, "")
    assert err.strip().splitlines()[-1] == "pyxai: interrupted; a run that has begun continues with --resume"
    assert "Traceback" not in err
    code, out, _ = explain("--resume")
    assert (code, "70 of 70 done" in out, "speed        0.0" in out) == (0, True, False)


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["demo"], ""),
        (
            ["explain", "--data", "a", "--out", "b", "--quiet"],
            "; a run that has begun continues with --resume",
        ),
    ],
)
def test_interrupting_speaks_of_runs_where_there_are_some(pyxai, monkeypatch, arguments, more):
    def interrupt(*_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("pyxai.demo.run", interrupt)
    monkeypatch.setattr("pyxai.engine.runner.run.run", interrupt)
    assert pyxai(*arguments) == (130, "", f"pyxai: interrupted{more}\n")


def test_interrupting_the_imports_is_one_line():
    program = """
import signal, sys
class Importing:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Importing())
from pyxai.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "pyxai: interrupted\n")


def test_version(pyxai):
    assert pyxai("--version") == (0, f"pyxai {package.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--version"], ["methods", "saliency"], ["render", "nothing.zarr"]])
def test_the_module_is_the_command(pyxai, arguments):
    code, out, err = pyxai(*arguments)
    done = subprocess.run([sys.executable, "-m", "pyxai", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "--n-steps", "5"], "(an option of a method is given as --set steps=VALUE)"),
        (["explain", "--stdevs", "0.1"], "as --set noise_scale=VALUE)"),
        (["bench", "--baselines", "0"], "as --set baseline=VALUE)"),
        (["explain", "--colour", "red"], "as --set NAME=VALUE)"),
        (["explain", "--internal-batch-size", "8"], "--rows on the command line)"),
        (["explain", "--steps=8"], "as --set NAME=VALUE)"),
    ],
)
def test_options_of_methods_and_of_other_libraries_are_answered(pyxai, arguments, told):
    code, out, err = pyxai(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"pyxai: No such option: {arguments[1].partition('=')[0]}") and told in err
    assert "--set" not in pyxai("render", *arguments[1:])[2]  # which has no method


@pytest.mark.filterwarnings("default")
def test_warnings_are_one_line(pyxai, monkeypatch):
    shown = warnings.showwarning
    monkeypatch.setattr(warnings, "showwarning", shown)  # to be brought back
    monkeypatch.setattr("pyxai.demo.run", lambda out: warnings.warn("of two\nlines", stacklevel=1))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", shown)
        assert pyxai("demo") == (0, "", "pyxai: warning: of two lines\n")
