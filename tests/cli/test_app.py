"""The commands together: exit codes, who speaks, and what help costs."""

import signal

import pytest

from pyxai import Explainer
from pyxai.engine import InputError, RunError, StrictStop
from pyxai.engine.job import CHUNK


def test_help_does_not_import_torch(run_python):
    program = """
import sys
from pyxai.cli import main
sys.argv[1:] = ["explain", "--help"]
try:
    main()
finally:
    print("torch imported:", "torch" in sys.modules)
"""
    out = run_python(program)
    assert "--batch-size" in out
    assert out.strip().endswith("torch imported: False")


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
        if len(calls) == CHUNK + 2:
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
