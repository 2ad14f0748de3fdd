"""Readers that leave: what a command does, and its exit code, are those of the command. With real pipes."""

import io
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


def unread() -> int:
    """A pipe to write to, whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("unbuffered", [[], pytest.param(["-u"], marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["methods"], 0), (["--help"], 0), (["methods", "nothing"], 2)],
)
def test_a_command_that_prints_is_silent_where_nobody_reads(arguments, code, unbuffered):
    command = [sys.executable, *unbuffered, "-m", "pyxai", *arguments]
    writer = unread()
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert done.returncode == code
    assert done.stderr.count("\n") == (code == 2)  # its own error, and nothing of pipes
    assert subprocess.run(command, stdout=writer, stderr=writer, cwd=ROOT).returncode == code
    os.close(writer)


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
@pytest.mark.parametrize("unbuffered", [[], pytest.param(["-u"], marks=pytest.mark.slow)])
@pytest.mark.parametrize("arguments", [["methods"], ["--help"], ["--version"], ["info"]])
def test_output_that_cannot_be_written_is_one_line(arguments, unbuffered):
    command = [sys.executable, *unbuffered, "-m", "pyxai", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert done.returncode == 1
        assert done.stderr == "pyxai: cannot write to standard output: No space left on device\n"
        assert subprocess.run(command, stdout=full, stderr=full, cwd=ROOT).returncode == 1
