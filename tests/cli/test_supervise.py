"""How a run ends whose process is ended, hangs, or is asked to end: who says what, with which exit code.

Nothing here goes by how long something takes. What is to happen in a certain state waits for a line that says
that it is reached, and the clock by which a step took too long is set, not waited for.
"""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from PIL import Image

from pyxai import engine
from pyxai.engine.status import MODEL_FAILED, OK
from tests.engine.conftest import fill_folder

ROOT = Path(__file__).parents[2]
WHOLE = "what is stored is whole: continue with --resume"

# Runs of nothing: {block} is what the child does while it explains a row.
RUN = """
import ctypes, os, signal, sys, threading, time, types
from pyxai.cli import notice
from pyxai.cli.supervise import supervised
from pyxai.engine.runner.progress import Progress

def say(text):
    print(text, flush=True)

def long_ago():
    '''What begins now began an hour ago.'''
    notice.time = types.SimpleNamespace(monotonic=lambda: time.monotonic() - 3600)

def settled(process):
    '''Wait until ``process`` has taken all signals it was sent, and sleeps.'''
    while True:
        lines = open(f"/proc/{{process}}/status").read().splitlines()
        told = dict(line.split(":", 1) for line in lines)
        pending = int(told["ShdPnd"], 16) | int(told["SigPnd"], 16)
        if not pending and told["State"].split()[0] == "S":
            return
        time.sleep(0.001)

{before}
with supervised({timeout}) as heard:
    parent = os.getppid()
    progress = heard(Progress())
    progress.doing("loading the model")
    {start}
    progress.begin(10, 0)
    progress.doing("explaining row 7, x.png")
    {block}
sys.exit(5)
"""


def program(block: str, start: str = "", timeout: float | None = None, before: str = "") -> list[str]:
    lines = {name: text.replace("\n", "\n    ") for name, text in (("block", block), ("start", start))}
    return [sys.executable, "-c", RUN.format(timeout=timeout, before=before, **lines)]


def _as_of_a_shell() -> None:
    """A job of its own, which Ctrl-C reaches also where these tests run in the background, without."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begin(*arguments, **options) -> subprocess.Popen:
    """A run that has got to the line "ready"."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(
        program(*arguments, **options),
        cwd=ROOT,
        text=True,
        preexec_fn=_as_of_a_shell,
        **streams,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def ended(*arguments, **options) -> tuple[int, str, str]:
    """A run to its end: exit code, standard output and error."""
    done = subprocess.run(program(*arguments, **options), cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def child_of(process: int) -> int:
    (child,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)


def test_a_child_works_and_its_end_is_that_of_the_run():
    code, out, err = ended("say(parent != os.getpid()); print('quietly', file=sys.stderr)")
    assert (code, out, err) == (5, "True\n", "quietly\n")


@pytest.mark.parametrize(
    ("block", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL (out of memory?)"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 2)", f"signal {signal.SIGRTMIN + 2}"),
        ("os._exit(0)", "an exit with code 0"),
        ("os._exit(3)", "an exit with code 3"),
        ("sys.exit(0)", "an exit with code 0"),
        ("try: sys.exit(2)\nfinally: progress.end()", "an exit with code 2"),
    ],
)
@pytest.mark.parametrize("rank", ["0", "1"])
def test_what_was_done_when_a_run_was_ended_is_named(monkeypatch, block, how, rank):
    monkeypatch.setenv("RANK", rank)  # each has its own rows to name
    line = f"pyxai: the run was ended by {how} while explaining row 7, x.png; {WHOLE}\n"
    assert ended(block) == (1, "", line)


def test_the_start_is_named_as_well():
    wanted = f"pyxai: the run was ended by SIGSEGV while loading the model; {WHOLE}\n"
    assert ended("", start="os.kill(os.getpid(), signal.SIGSEGV)") == (1, "", wanted)


def test_errors_and_interrupts_are_the_childs_own():
    code, out, err = ended("raise ValueError('a word')")
    assert (code, out) == (1, "")
    assert err.strip().endswith("ValueError: a word") and "pyxai: " not in err
    code, _, err = ended("raise KeyboardInterrupt")
    assert code != 0 and "pyxai: the run was ended" not in err


def test_a_crash_after_the_end_is_none_of_success():
    code, _, err = ended("import atexit; atexit.register(os.abort)")
    assert (code, err) == (1, f"pyxai: the run was ended by SIGABRT while ending; {WHOLE}\n")


def test_a_step_that_hangs_is_ended_and_named():
    line = f"pyxai: the run was ended: explaining row 7, x.png took longer than --timeout 0.05; {WHOLE}\n"
    assert ended("signal.pause()", timeout=0.05) == (1, "", line)
    assert ended("signal.pause()", timeout=1e-9)[0] == 1
    stuck = "ctypes.PyDLL(None).pause()"  # in native code, with the lock of the interpreter
    assert ended(stuck, timeout=0.05) == (1, "", line)


LOOK = "os.kill(parent, signal.SIGALRM); settled(parent)"  # now, whether a step takes too long


def test_the_start_and_the_end_may_take_any_time():
    start = f"long_ago(); progress.doing('loading', limited=False)\n{LOOK}\nnotice.time = time"
    assert ended(f"long_ago(); progress.end()\n{LOOK}", start=start, timeout=3600) == (5, "", "")
    assert ended("", timeout=1e300) == (5, "", "")


def test_each_step_has_the_whole_time():
    """The first of two has taken an hour, which is the limit."""
    second = "long_ago(); progress.doing('first')\nnotice.time = time; progress.doing('second')"
    assert ended(f"{second}\n{LOOK}", timeout=3600) == (5, "", "")
    code, _, err = ended(f"long_ago(); progress.doing('first')\n{LOOK}\nsignal.pause()", timeout=3600)
    assert code == 1 and "the run was ended: first took longer than --timeout 3600" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_request_to_end_reaches_the_child_and_the_shell(monkeypatch, number, rank):
    monkeypatch.setenv("RANK", rank)
    process = begin(f"signal.signal({number}, signal.SIG_DFL); say('ready'); signal.pause()")
    process.send_signal(number)
    out, err = process.communicate()
    said = f"pyxai: ended by {number.name}; a run that has begun continues with --resume\n"
    assert (process.returncode, out, err) == (-number, "", said if rank == "0" else "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_comes_again_at_the_end_adds_no_line(number):
    """The child has said already how it ended."""
    again = f"signal.signal({number}, signal.SIG_DFL); os.kill(os.getpid(), {number})"
    code, out, err = ended(f"import atexit; atexit.register(lambda: exec({again!r}))")
    assert (code, out, err) == (128 + number, "", "")


COUNTS = """
counted = []
signal.signal(signal.SIGINT, lambda *_: counted.append(1))
say("ready")
while not counted:
    time.sleep(0.001)
settled(parent)
say(len(counted))
"""


def test_an_interrupt_of_the_parent_alone_is_handed_on():
    process = begin(COUNTS)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (5, "1\n", "")


def test_ctrl_c_reaches_the_child_once():
    """The terminal sends it to every process of the group."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        program(COUNTS),
        cwd=ROOT,
        stdin=terminal,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    assert process.stdout.readline() == "ready\n"
    os.write(keyboard, b"\x03")
    out, _ = process.communicate()
    os.close(keyboard)
    assert (process.returncode, out) == (5, "1\n")


def test_a_stopped_run_goes_on_and_has_not_taken_that_time():
    """Ctrl-Z and `fg`; the time at which the step was to have ended passes in between."""
    process = begin("say('ready'); sys.stdin.readline()", start="long_ago()", timeout=3600)
    child = child_of(process.pid)
    os.killpg(process.pid, signal.SIGTSTP)
    while {state(process.pid), state(child)} != {"T"}:
        time.sleep(0.001)
    process.send_signal(signal.SIGALRM)
    os.killpg(process.pid, signal.SIGCONT)
    while state(process.pid) != "S":
        time.sleep(0.001)
    process.send_signal(signal.SIGALRM)
    _, err = process.communicate("go on\n")
    assert (process.returncode, err) == (5, "")


def test_a_killed_parent_takes_a_child_along_that_is_stuck():
    process = begin("say('ready'); ctypes.PyDLL(None).pause()")
    process.kill()
    assert process.communicate() == ("", ""), "the streams end with the last process that has them"
    assert process.returncode == -signal.SIGKILL


def test_a_child_whose_parent_is_gone_already_does_nothing(run_python):
    program = "import os; from pyxai.cli import supervise as s; s._end_with(os.getppid()); print('goes on')"
    assert run_python(program) == "goes on\n"
    done = subprocess.run(
        [sys.executable, "-c", "from pyxai.cli import supervise as s; s._end_with(0); print('goes on')"],
        cwd=ROOT,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (1, b"")


def test_children_are_waited_for_also_where_they_were_ignored():
    before = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    assert ended("os.abort()", before=before)[2].startswith("pyxai: the run was ended by SIGABRT")
    assert ended("", before=before)[0] == 5


@pytest.mark.parametrize(
    "before",
    [
        "sys.modules['torch'] = types.ModuleType('torch')",
        "threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()",
        "sys.platform = 'darwin'",
    ],
)
def test_what_cannot_be_supervised_runs_in_its_own_process_without_a_limit(before):
    before += "\nown = os.getpid()"
    assert ended("say(own == os.getpid())", before=before) == (5, "True\n", "")
    code, out, err = ended("say('began')", before=before, timeout=5)
    assert (code, out) == (1, "")
    assert err.strip().endswith(
        "InputError: --timeout is for `pyxai explain` as a command of its own, on Linux"
    )


def test_a_process_that_the_system_does_not_give_is_one_error():
    before = "def fork(): raise BlockingIOError(11, 'no more processes')\nos.fork = fork"
    code, out, err = ended("say('began')", before=before)
    assert (code, out) == (1, "")
    assert err.strip().endswith("RunError: cannot start the process of the run: no more processes")


def test_a_bar_that_is_left_is_cleared():
    """The cursor that it hid is shown again."""
    screen, terminal = pty.openpty()
    done = subprocess.run(program("os.abort()"), cwd=ROOT, stderr=terminal)
    os.close(terminal)
    shown = os.read(screen, 10000).decode()
    os.close(screen)
    assert done.returncode == 1
    assert (
        shown
        == f"\r\x1b[K\x1b[?25hpyxai: the run was ended by SIGABRT while explaining row 7, x.png; {WHOLE}\r\n"
    )


# At a white picture something happens to the model.
MODEL = """
import os, signal, time, types
from pyxai.cli import notice
from tests.engine.tiny import Touchy

class Model(Touchy):
    def refuse(self):
        {happens}

def model():
    notice.time = types.SimpleNamespace(monotonic=lambda: time.monotonic() - 3600)  # each step is an hour old
    return Model().eval()
"""


def explain(folder: Path, happens: str, *options: str) -> subprocess.Popen:
    (folder / "model.py").write_text(MODEL.format(happens=happens))
    command = [sys.executable, "-m", "pyxai", "explain", "--model", f"{folder}/model.py:model"]
    paths = ["--data", str(folder / "photos"), "--out", str(folder / "run.zarr"), "--batch-size", "8"]
    return subprocess.Popen(
        [*command, *paths, "--method", "gradient", "--quiet", *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_of_a_shell,
    )


@pytest.fixture
def white(tmp_path) -> Path:
    """A folder with 70 pictures, of which row 12 is white."""
    fill_folder(tmp_path / "photos", 70)
    Image.new("RGB", (12, 12), "white").save(tmp_path / "photos" / "even" / "0024.png")
    return tmp_path


ROWS = "explaining rows 9 to 16, even/0018.png to even/0032.png"


def test_a_model_that_aborts_is_named_and_its_run_goes_on(white):
    process = explain(white, "os.kill(os.getpid(), signal.SIGSEGV)")
    assert process.communicate() == ("", f"pyxai: the run was ended by SIGSEGV while {ROWS}; {WHOLE}\n")
    assert process.returncode == 1
    process = explain(white, "raise RuntimeError('white')", "--resume")
    out, err = process.communicate()
    assert (process.returncode, "70 of 70 done, 1 failed" in out, err) == (3, True, "")
    status = engine.open(white / "run.zarr").status
    assert status[12] == MODEL_FAILED and (status == OK).sum() == 69


def test_a_model_that_hangs_is_named_by_a_process_without_torch(white):
    process = explain(white, "print('hangs', flush=True); signal.pause()", "--timeout", "3600")
    assert process.stdout.readline() == "hangs\n"
    mapped = [Path(f"/proc/{one}/maps").read_text() for one in (process.pid, child_of(process.pid))]
    assert ["libtorch" in text for text in mapped] == [False, True]
    process.send_signal(signal.SIGALRM)  # look now
    line = f"pyxai: the run was ended: {ROWS} took longer than --timeout 3600; {WHOLE}\n"
    assert process.communicate() == ("", line)
    assert process.returncode == 1


def test_a_run_that_is_interrupted_says_so_once(white):
    process = explain(white, "print('waits', flush=True); signal.pause()")
    assert process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == "pyxai: interrupted; a run that has begun continues with --resume\n"
