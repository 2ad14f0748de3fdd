"""The command line: output, exit codes, and one line for everything that can be wrong with a request."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyxai import engine
from pyxai.cli import main
from pyxai.engine.status import OK
from pyxai.engine.store import store as store_module
from tests.engine.conftest import TINY, fill_folder, picture, stored_arrays

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    return fill_folder(tmp_path_factory.mktemp("cli"), 70)


@pytest.fixture
def pyxai(monkeypatch, capsys, tmp_path):
    """Run the command line in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pyxai", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        printed = capsys.readouterr()
        return exit_.value.code, printed.out, printed.err

    return call


@pytest.fixture
def explain(pyxai, photos):
    """`pyxai explain` with a model, data and a store; keywords replace or add options."""

    def call(*flags: str, **options: object) -> tuple[int, str, str]:
        chosen = {"model": f"{TINY}:net", "data": photos, "out": "run.zarr", "method": "gradient", **options}
        pairs = [part for name, value in chosen.items() for part in (f"--{name.replace('_', '-')}", value)]
        return pyxai("explain", *pairs, "--quiet", *flags)

    return call


def test_explain_prints_a_summary_and_render_draws_it(explain, pyxai):
    code, out, err = explain("--set", "steps=4", method="integrated_gradients")
    assert code == 0
    for word in ("70 of 70 done, 0 failed", "images/s", "start-up", "residual", "evaluations", "run.zarr"):
        assert word in out
    assert "Traceback" not in err
    command = out.strip().splitlines()[-1].partition("pyxai ")[2]
    assert command == "render run.zarr --index 0:16 --out sheet.png"
    Path("classes.txt").write_text("\n".join("abcde"))
    code, out, err = pyxai(*command.split(), "--cmap", "jet", "--classes", "classes.txt")
    assert (code, out.strip(), err) == (0, "sheet.png", "")
    assert Image.open("sheet.png").width > 1000


def test_options_reach_the_run(explain):
    flags = ["--set", "samples=3", "--set", "noise_scale=0.2", "--strict"]
    numbers = {"resize": 10, "crop": 8, "mean": "0.5,0.4,0.3", "std": "0.2 0.2 0.2", "seed": 7, "rows": 16}
    code, _, err = explain(
        *flags, method="smoothgrad", target="top2", keep="both", store_dtype="float16", **numbers
    )
    assert (code, "Traceback" in err) == (0, False)
    manifest = engine.open("run.zarr").manifest
    assert manifest["options"]["samples"] == 3
    assert manifest["options"]["noise_scale"] == 0.2
    assert manifest["options"]["seed"] == 7
    assert manifest["target"] == "top2"
    assert manifest["rows"] == 16
    assert manifest["preprocess"]["mean"] == [0.5, 0.4, 0.3]
    assert manifest["arrays"]["attribution"] == {"shape": [2, 3, 8, 8], "dtype": "float16"}


def bad_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "evil.zip", "w") as archive:
        archive.writestr("../evil.png", b"")
    return folder / "evil.zip"


def empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def dot(folder: Path) -> Path:
    (folder / "dot").mkdir()
    Image.new("RGB", (1, 1)).save(folder / "dot" / "dot.png")
    return folder / "dot"


def mixed(folder: Path) -> Path:
    fill_folder(folder / "mixed", 3)
    picture(1, 20).save(folder / "mixed" / "z.png")
    return folder / "mixed"


def all_corrupt(folder: Path) -> Path:
    (folder / "corrupt").mkdir()
    (folder / "corrupt" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    return folder / "corrupt"


def wrong_array(folder: Path) -> Path:
    np.save(folder / "a.npy", np.zeros((3, 7, 8, 9), np.float32))
    return folder / "a.npy"


def grey_array(folder: Path) -> Path:
    np.save(folder / "grey.npy", np.zeros((3, 8, 8), np.float32))
    return folder / "grey.npy"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"data": empty}, "no pictures", id="empty folder"),
        pytest.param({"data": "nowhere"}, "no such file or folder: nowhere", id="no data"),
        pytest.param({"data": bad_zip}, "'../evil.png' points outside of the archive", id="zip with .."),
        pytest.param({"data": dot}, "`model` cannot take images of shape (3, 1, 1)", id="one pixel"),
        pytest.param(
            {"data": mixed}, "2 sizes (3 of 12x12, 1 of 20x20): use --resize and --crop", id="sizes"
        ),
        pytest.param({"data": all_corrupt}, "none of the 1 images in", id="all corrupt"),
        pytest.param({"data": wrong_array}, "must have shape (N, C, H, W)", id="array of wrong shape"),
        pytest.param({"data": grey_array}, "channels: 1, the model's input has 3", id="grey array"),
        pytest.param({"out": "/proc/nothing/run.zarr"}, "cannot write", id="unwritable output"),
        pytest.param({"target": 5}, "`target` must be a class in [0, 5), got 5", id="target out of range"),
        pytest.param({"target": "best"}, "`target` must", id="target of no kind"),
        pytest.param({"target": "nothing.npy"}, "cannot read the targets nothing.npy", id="no target file"),
        pytest.param({"method": "gradeint"}, "no method 'gradeint' (did you mean 'gradient'?)", id="method"),
        pytest.param({"set": "stepz=3"}, "no option `stepz`", id="method option"),
        pytest.param({"set": "steps"}, "options are written name=value", id="no value"),
        pytest.param({"set": "steps=x", "method": "integrated_gradients"}, "`steps` must be int", id="type"),
        pytest.param({"model": "missing.py:net"}, "no such file: missing.py", id="no model file"),
        pytest.param({"model": "net.pth"}, "pickled model runs code", id="pickled model"),
        pytest.param({"model": f"{TINY}:training_net"}, "must be in evaluation mode", id="training mode"),
        pytest.param({"model": f"{TINY}:broken"}, "raised OSError: the weights are gone", id="model raises"),
        pytest.param({"device": "cuda:9"}, "--device cuda:9 cannot be used", id="device"),
        pytest.param({"precision": "fp8"}, "--precision must be one of", id="precision"),
        pytest.param({"batch_size": "many"}, "neither auto nor a whole number", id="batch size"),
        pytest.param({"shard": "3/2"}, "--shard must be i/n", id="shard"),
        pytest.param({"shard": "one"}, "not of the form i/n", id="shard text"),
        pytest.param({"mean": "a,b"}, "not a list of numbers", id="mean"),
        pytest.param({"std": "0,1,1"}, "`std` must be positive", id="std"),
        pytest.param({"colour": "red"}, "No such option: --colour", id="unknown option"),
    ],
)
def test_bad_requests_are_one_line_and_write_nothing(explain, tmp_path, options, message):
    made = {name: value(tmp_path) if callable(value) else value for name, value in options.items()}
    before = sorted(tmp_path.iterdir())
    code, out, err = explain(**made)
    last = err.strip().splitlines()[-1]
    assert last.startswith("pyxai: ")
    assert message in last
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before


def test_failed_rows_give_exit_code_3_and_are_named(explain, tmp_path):
    folder = fill_folder(tmp_path / "some", 68)
    Image.effect_noise((12, 12), 60).convert("RGB").save(folder / "even" / "cut.jpg")
    whole = (folder / "even" / "cut.jpg").read_bytes()
    (folder / "even" / "cut.jpg").write_bytes(whole[:-60])
    picture(1).convert("CMYK").save(folder / "even" / "cmyk.jpg")
    Image.fromarray(np.full((12, 12), 40000, np.uint16)).save(folder / "odd" / "sixteen.png")
    Image.new("RGB", (1, 1)).save(folder / "odd" / "dot.png")
    code, out, err = explain(data=folder)
    assert code == 3
    assert "72 of 72 done, 2 failed" in out
    assert "run.zarr/errors.jsonl" in out
    assert "Traceback" not in err
    failed = [json.loads(line) for line in Path("run.zarr/errors.jsonl").read_text().splitlines()]
    assert {entry["path"] for entry in failed} == {"even/cut.jpg", "odd/dot.png"}
    assert (stored_arrays(Path("run.zarr"))["status"] == OK).sum() == 70
    assert explain("--resume", data=folder)[0] == 3
    code, _, err = explain("--strict", data=folder, out="strict.zarr")
    assert code == 3
    assert "stopped because of --strict" in err.strip().splitlines()[-1]


def test_a_store_of_another_run_is_left_alone(explain):
    assert explain()[0] == 0
    before = stored_arrays(Path("run.zarr"))
    code, _, err = explain()
    assert (code, "run.zarr exists: continue it with --resume" in err) == (2, True)
    code, _, err = explain("--resume", model=f"{TINY}:other_net")
    assert code == 2
    assert "run.zarr was made differently: model.spec is" in err
    assert "model.weights is" in err
    assert explain("--resume")[0] == 0
    for name, values in stored_arrays(Path("run.zarr")).items():
        assert values.tobytes() == before[name].tobytes()
    Path("folder").mkdir()
    code, _, err = explain("--resume", out="folder")
    assert (code, "folder is not a run of pyxai" in err) == (2, True)


def test_a_full_disk_is_one_line_and_exit_code_1(explain, monkeypatch):
    write = store_module.Store.write

    def full(self, chunk, *rest):
        if chunk == 1:
            raise OSError(28, "No space left on device")
        write(self, chunk, *rest)

    monkeypatch.setattr(store_module.Store, "write", full)
    code, _, err = explain()
    assert code == 1
    assert err.strip().splitlines()[-1].startswith("pyxai: cannot write run.zarr: no space left")
    assert "Traceback" not in err
    monkeypatch.setattr(store_module.Store, "write", write)
    assert explain("--resume")[0] == 0
    assert engine.open("run.zarr").complete


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.zarr"], "nothing.zarr is not a run of pyxai"),
        (["run.zarr", "--index", "70"], "--index 70 is not in the run, which has rows 0 to 69"),
        (["run.zarr", "--index", "a:b"], "--index must be like"),
        (["run.zarr", "--index", "80:90"], "has no explained image"),
        (["run.zarr", "--cmap", "viridis"], "`cmap` must be one of"),
        (["run.zarr", "--classes", "nothing.json"], "cannot read the class names nothing.json"),
        (["run.zarr", "--out", "nowhere/sheet.png"], "cannot write nowhere/sheet.png"),
        (["run.zarr", "--out", "sheet.xyz"], "unknown file extension: .xyz"),
    ],
)
def test_bad_render_requests(explain, pyxai, arguments, message):
    assert explain()[0] == 0
    code, out, err = pyxai("render", *arguments)
    assert (code, out) == (2, "")
    assert message in err.strip().splitlines()[-1]


def test_render_says_when_the_pictures_are_gone(explain, pyxai, tmp_path):
    folder = fill_folder(tmp_path / "photos", 3)
    assert explain(data=folder)[0] == 0
    folder.rename(tmp_path / "elsewhere")
    code, _, err = pyxai("render", "run.zarr")
    assert code == 2
    assert f"no such file or folder: {folder}" in err


def test_methods_and_info(pyxai):
    code, out, _ = pyxai("methods")
    assert code == 0
    for word in ("integrated_gradients", "steps: int | None = None", "gradients", "smoothgrad"):
        assert word in out
    code, out, _ = pyxai("info")
    assert code == 0
    for word in ("torch", "threads", "path_points", "cpu", "cuda"):
        assert word in out


def test_bench_times_the_floor_and_us(pyxai):
    options = ["--size", "12", "--rounds", "2", "--images", "2"]
    code, out, _ = pyxai("bench", "--model", f"{TINY}:net", "--method", "gradient", *options)
    assert code == 0
    assert "floor" in out
    assert "pyxai" in out
    code, _, err = pyxai("bench", "--model", f"{TINY}:net", "--set", "stepz=1")
    assert (code, "no option `stepz`" in err) == (2, True)
    for wrong in (["--rounds", "0"], ["--images", "0"], ["--size", "12", "--channels", "1"]):
        code, _, err = pyxai("bench", "--model", f"{TINY}:net", "--method", "gradient", *wrong)
        assert code == 2
        assert err.splitlines()[-1].startswith("pyxai: ")


HELP = """
import sys
from pyxai.cli import main
sys.argv[1:] = ["explain", "--help"]
try:
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def test_help_does_not_import_torch():
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "--batch-size" in done.stdout
    assert done.stderr.strip() == "False"


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_freed_memory_is_kept_for_the_next_call():
    """Where the system would be asked for every buffer of 16 MiB anew, page by page, it is asked no more."""
    program = (
        "import resource, torch; from pyxai.cli.memory import keep_freed_memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    buffers = [torch.ones(2**22) for _ in range(4)]\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "asked = [faults() for _ in range(3)][-1]; keep_freed_memory()\n"
        "kept = [faults() for _ in range(3)][-1]; print(asked, kept)"
    )
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    asked, kept = map(int, done.stdout.split())
    assert asked > 20 and kept <= asked / 10


def test_interrupting_is_one_line(photos, tmp_path):
    """Ctrl-C while a run works."""
    data = fill_folder(tmp_path / "many", 640, 24)
    options = ["--model", f"{TINY}:wide_net", "--data", data, "--out", tmp_path / "run.zarr", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pyxai", "explain", *map(str, options), "--set", "steps=16"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in shells' background jobs
    )
    while not (tmp_path / "run.zarr" / "status" / "c" / "0").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "pyxai: interrupted; a run that has begun continues with --resume"
    assert "Traceback" not in err
