"""Readers that leave: what a command does, and its exit code, are those of the command. With real pipes."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pyxai import engine
from pyxai.cli.streams import keep_streams

ROOT = Path(__file__).parents[2]
KEEPS = "from pyxai.cli.streams import keep_streams; keep_streams()"

# Prints before and after its reader has left, with and without text that is still in a buffer.
TALKS = """
import os, sys
from pyxai.cli.streams import keep_streams
keep_streams()
print("first", flush=True)
sys.stdin.readline()
for number in range(20000):
    print("a line that nobody reads", number)
print("the last", end="")
sys.exit(7)
"""


# Runs commands, each in a fork of a process that has imported what they need, which takes most of their time.
# A fork ends as a process of its own does: its streams are those that Python made at the start.
COMMANDS = """
import json, os, runpy, sys
import torch
import pyxai.methods.table

def unread():
    reader, writer = os.pipe()
    os.close(reader)
    return writer

cases, out = json.loads(sys.argv[1])
codes = []
for number, (arguments, to) in enumerate(cases):
    child = os.fork()
    if not child:
        for descriptor, where in enumerate(to, 1):
            new = unread() if where == "unread" else os.open(where, os.O_WRONLY | os.O_CREAT)
            os.dup2(new, descriptor)
            os.close(new)
        sys.argv = ["pyxai", *arguments]
        runpy.run_module("pyxai", run_name="__main__", alter_sys=True)
        sys.exit()
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
with open(out, "w") as file:
    json.dump(codes, file)
"""


def both(folder, commands: list[list[str]], to: str, unbuffered: list[str]) -> list[tuple[int, str, int]]:
    """Of each command that prints to ``to``: code and errors, and the code where these go there, too."""
    errors = [str(folder / f"errors{number}") for number in range(len(commands))]
    cases = [[command, [to, file]] for command, file in zip(commands, errors, strict=True)]
    cases += [[command, [to, to]] for command in commands]
    out = folder / "codes"
    given = json.dumps([cases, str(out)])
    subprocess.run([sys.executable, *unbuffered, "-c", COMMANDS, given], cwd=ROOT, check=True)
    codes = json.loads(out.read_text())
    assert len(codes) == len(cases)
    said = [Path(file).read_text() for file in errors]
    return list(zip(codes[: len(commands)], said, codes[len(commands) :], strict=True))


@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
def test_a_command_that_prints_is_silent_where_nobody_reads(tmp_path, unbuffered):
    commands = {"methods": 0, "--help": 0, "methods nothing": 2}
    found = both(tmp_path, [command.split() for command in commands], "unread", unbuffered)
    for code, (of_one, errors, of_both) in zip(commands.values(), found, strict=True):
        assert (of_one, of_both) == (code, code)
        assert errors.count("\n") == (code == 2)  # its own error, and nothing of pipes


def test_a_process_of_its_own_is_silent_where_nobody_reads():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pyxai", "methods"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_a_reader_may_leave_in_between(kind, unbuffered):
    reader, writer = os.pipe() if kind == "pipe" else pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *unbuffered, "-c", TALKS],
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    os.close(writer)
    assert os.read(reader, 100).split() == [b"first"]
    os.close(reader)
    _, err = process.communicate(b"go on\n")
    assert (process.returncode, err) == (7, b"")


@pytest.mark.parametrize(("options", "shown"), [([], ""), (["-u"], "text\n")])
def test_text_waits_in_a_buffer_where_it_did(options, shown):
    done = subprocess.run(
        [sys.executable, *options, "-c", f"import os; {KEEPS}; print('text'); os._exit(0)"],
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.stdout, done.stderr) == (shown, "")


def test_other_errors_of_a_stream_are_errors():
    program = f"{KEEPS}; print('text', flush=True)"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert done.returncode != 0 and "No space left on device" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_descriptor_is_not_given_to_a_file(tmp_path, closed):
    program = (
        f"import os, sys; {KEEPS}\n"
        "file = open(sys.argv[1], 'w'); file.write('kept'); file.flush()\n"
        "print('lost', flush=True); print('lost', file=sys.stderr, flush=True)\n"
        "os.write(1, b'lost'); os.write(2, b'lost'); sys.stdin.read(); sys.exit(file.fileno() <= 2)"
    )
    command = ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-c", program, str(tmp_path / "file")]
    assert subprocess.run(command, cwd=ROOT, input=b"", capture_output=True).returncode == 0
    assert (tmp_path / "file").read_text() == "kept"


def test_streams_of_others_stay(monkeypatch):
    own = io.StringIO()
    monkeypatch.setattr(sys, "stdout", own)
    monkeypatch.setattr(sys, "stderr", None)
    keep_streams()
    assert (sys.stdout, sys.stderr) == (own, None)


@pytest.mark.parametrize("lines", [0, 1])
def test_a_run_goes_on_to_its_end_whoever_reads(photos, tmp_path, lines):
    options = ["--data", photos, "--method", "entropy", "--out", tmp_path / "run.zarr", "--batch-size", "8"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pyxai", "explain", *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
    )
    while lines and b"70 images, 0 done before" not in (said := process.stdout.readline()):
        assert said, "it ended without a word"
    process.stdout.close()
    assert process.wait() == 0
    assert (engine.open(tmp_path / "run.zarr").status == 1).all()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
def test_output_that_cannot_be_written_is_one_line(tmp_path, unbuffered):
    line = "pyxai: cannot write to standard output: No space left on device\n"
    commands = [["methods"], ["--help"], ["--version"], ["info"]]
    assert both(tmp_path, commands, "/dev/full", unbuffered) == [(1, line, 1)] * 4
