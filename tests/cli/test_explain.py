"""``pyxai explain``: output, exit codes, and one line for everything that can be wrong with a request."""

import json
import os
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai import engine, saliency
from pyxai.engine.models.load import SCHEMES
from pyxai.engine.status import OK
from pyxai.engine.store import store as store_module
from pyxai.methods.method import REGISTRY
from tests.engine.conftest import TINY, fill_folder, picture, stored_arrays


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


def test_targets_and_kinds_of_output_reach_the_run(explain):
    Path("names.txt").write_text("\n".join("abcde"))
    for out, target, flags, kind, stored in (
        ("name.zarr", "d", ("--classes", "names.txt"), "scores", 3),
        ("call.zarr", f"{TINY}:margin", ("--output-kind", "scores"), "scores", f"{TINY}:margin"),
    ):
        code, shown, err = explain(*flags, method="gradient", target=target, out=out)
        assert (code, "Traceback" in err) == (0, False)
        assert "explained" in shown
        manifest = engine.open(out).manifest
        assert manifest["output_kind"] == kind
        target = manifest["target"]
        assert (target["callable"] if isinstance(target, dict) else target) == stored
    code, _, err = explain("--output-kind", "binary", method="gradient", out="no.zarr")
    assert code == 2 and "`output_kind` must be 'scores' or 'probabilities'" in err


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


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.npy")
    return folder / "pipe.npy"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"data": empty}, "no pictures", id="empty folder"),
        pytest.param({"data": "nowhere"}, "no such file or folder: ", id="no data"),
        pytest.param({"data": bad_zip}, "'../evil.png' points outside of the archive", id="zip with .."),
        pytest.param({"data": dot}, "`model` cannot take images of shape (3, 1, 1)", id="one pixel"),
        pytest.param(
            {"data": mixed}, "2 sizes (3 of 12x12, 1 of 20x20): use --resize and --crop", id="sizes"
        ),
        pytest.param({"data": all_corrupt}, "none of the 1 images in", id="all corrupt"),
        pytest.param(
            {"data": wrong_array}, "cannot take images of shape (7, 8, 9)", id="array of wrong shape"
        ),
        pytest.param({"data": grey_array}, "cannot take images of shape (1, 8, 8)", id="grey array"),
        pytest.param(
            {"data": grey_array, "model": f"{TINY}:prepared_net"},
            "channels: 1, the model's input has 3",
            id="grey array of a model of colours",
        ),
        pytest.param({"data": pipe}, "pipe.npy is a pipe", id="pipe"),
        pytest.param({"data": "/dev/zero"}, "/dev/zero is a device", id="device"),
        pytest.param({"classes": pipe}, "it is no regular file", id="classes from a pipe"),
        pytest.param({"target": pipe}, "pipe.npy is a pipe", id="targets from a pipe"),
        pytest.param({"range": "5"}, "`range` must be a low and a high number", id="range"),
        pytest.param({"max_pixels": 0}, "--max-pixels must be a positive", id="max-pixels"),
        pytest.param({"max_unpacked": 0}, "--max-unpacked must be a positive", id="max-unpacked"),
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
        pytest.param({"timeout": "nan"}, "'nan' is no positive number of seconds", id="timeout"),
        pytest.param({"timeout": 5}, "--timeout is for `pyxai explain` as a command", id="in process"),
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
    assert re.match(r"pyxai: cannot write \S+run\.zarr: no space left", err.strip().splitlines()[-1])
    assert "Traceback" not in err
    monkeypatch.setattr(store_module.Store, "write", write)
    assert explain("--resume")[0] == 0
    assert engine.open("run.zarr").complete


def test_a_method_without_a_model(pyxai, photos):
    options = ["--method", "spectral_residual", "--set", "variant=opencv", "--quiet"]
    code, out, _ = pyxai("explain", "--data", photos, "--out", "run.zarr", *options)
    assert (code, "70 of 70 done, 0 failed" in out, "evaluations" in out) == (0, True, False)
    stored = engine.open("run.zarr")
    assert stored.manifest["model"] is None and stored.manifest["options"]["variant"] == "opencv"
    images = torch.stack([torch.from_numpy(stored.image(row)).permute(2, 0, 1) / 255 for row in (0, 69)])
    expected = saliency.spectral_residual(images, variant="opencv")
    torch.testing.assert_close(torch.cat([stored[0].heatmap(), stored[69].heatmap()]), expected)
    assert pyxai("render", "run.zarr")[0] == 0
    assert Image.open("sheet.png").width > 1000


def test_the_help_lists_every_kind_of_model(pyxai):
    code, out, _ = pyxai("explain", "--help")
    assert code == 0
    shown = re.sub(r"[\s│|]", "", out)
    assert [scheme.form for scheme in SCHEMES if scheme.form not in shown] == []


METHOD = """
from pyxai.methods import Maps, Method, Needs

class Brightness(Method):
    '''The mean of the channels, times a factor.

    Attributes:
        factor: what the mean is multiplied with.
    '''

    name = "brightness"
    needs = Needs.NOTHING
    per_channel = False

    factor: float = 1.0

    def attribute(self, executor, request):
        return Maps([self.factor * request.images.mean(1, keepdim=True)])
"""


def test_a_method_of_a_file_is_listed_explained_with_and_resumed(pyxai, photos):
    Path("mine.py").write_text(METHOD)
    arguments = ["explain", "--data", photos, "--out", "run.zarr", "--set", "factor=2", "--quiet"]
    try:
        code, _, err = pyxai(*arguments, "--method", "mine.py:brightnes")
        assert (code, "no method 'brightnes' (did you mean 'brightness'?)" in err) == (2, True)
        code, out, _ = pyxai(*arguments, "--method", "mine.py:brightness", "--shard", "0/2")
        assert (code, "64 of 70 done" in out) == (0, True)
        assert "factor: float = 1.0" in pyxai("methods")[1]
        code, out, _ = pyxai(*arguments, "--method", "mine.py:brightness", "--resume")
        assert (code, "70 of 70 done, 0 failed" in out) == (0, True)
    finally:
        REGISTRY.pop("brightness", None)
    run = engine.open("run.zarr")
    assert (run.manifest["method"], run.manifest["options"]) == ("brightness", {"factor": 2.0})
    for row in (0, 69):
        wanted = 2 * run.image(row).astype(np.float32).mean(2) / 255
        np.testing.assert_allclose(run.arrays["heatmap"][row], wanted, rtol=1e-5)
    code, _, err = pyxai(*arguments, "--method", "gone.py:brightness")
    assert (code, "cannot import the method gone.py:brightness: no such file: gone.py" in err) == (2, True)


def test_quiet_is_quiet(explain):
    """Not a byte on standard error, also where there is something to say; the summary is the answer."""
    code, out, err = explain(model=f"{TINY}:doubtful_net")
    assert (code, err) == (0, "") and "70 of 70 done" in out
    code, out, err = explain("--strict", model=f"{TINY}:training_net", out="other.zarr")
    assert (code, out, err.count("\n")) == (2, "", 1)  # but for errors


def test_without_quiet_there_are_lines_and_warnings(pyxai, photos):
    model = f"{TINY}:doubtful_net"
    arguments = ["--model", model, "--data", photos, "--out", "run.zarr", "--method", "gradient"]
    code, _, err = pyxai("explain", *arguments)
    assert code == 0 and "70/70 images" in err
    (warning,) = [line for line in err.splitlines() if line.startswith("pyxai: warning: ")]
    assert "between 0 and 1" in warning and "UserWarning" not in err


def test_a_model_in_training_mode_is_put_into_evaluation_mode(explain):
    code, _, err = explain(model=f"{TINY}:training_net")
    assert code == 2 and err.strip().endswith(
        "is training; call model.eval(), or on the command line give --eval"
    )
    assert explain("--eval", model=f"{TINY}:training_net")[0] == 0
    assert explain(model=f"{TINY}:sequential_net", out="other.zarr")[0] == 0
    first, second = (stored_arrays(Path(name))["heatmap"] for name in ("run.zarr", "other.zarr"))
    assert first.tobytes() == second.tobytes()


def test_classes_by_the_names_a_model_carries_and_several(explain):
    for out, target, stored, wanted in (
        ("a.zarr", "cup", 2, 2),
        ("b.zarr", "sea,0", "1,0", [1, 0]),
        ("c.zarr", "0,4", "0,4", [0, 4]),
        ("d.zarr", "3", 3, 3),
    ):
        code, _, err = explain(model=f"{TINY}:named_net", target=target, out=out)
        assert (code, err) == (0, "")
        run = engine.open(out)
        assert run.manifest["target"] == stored and run[69].target[0].tolist() == wanted
        assert run.class_names[2] == "cup" and "Traceback" not in err
    assert explain("--resume", model=f"{TINY}:named_net", target="lake, 0", out="b.zarr")[0] == 0
    for target, message in (
        ("cupp", "did you mean 'cup'"),
        ("0,5", "`target` must be a class in [0, 5), got 5"),
    ):
        code, _, err = explain(model=f"{TINY}:named_net", target=target, out="no.zarr")
        assert (code, message in err, Path("no.zarr").exists()) == (2, True, False)
    Path("names.txt").write_text("a\nb\ncup")
    assert explain("--classes", "names.txt", model=f"{TINY}:named_net", target="a", out="e.zarr")[0] == 0
    assert engine.open("e.zarr").class_names == {0: "a", 1: "b", 2: "cup"}


@pytest.mark.parametrize("spec", ["timm:resnet10t", "torchvision:resnet18", "hf:some/model"])
def test_a_missing_package_is_one_line(explain, monkeypatch, spec):
    package = {"hf": "transformers"}.get(spec.partition(":")[0], spec.partition(":")[0])
    monkeypatch.setitem(sys.modules, package, None)
    code, out, err = explain(model=spec)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.strip().endswith(f"needs {package}: pip install {package}")


def test_a_missing_package_of_a_method_is_one_line(pyxai, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    code, out, err = pyxai(
        "explain", "--data", photos, "--out", "a.zarr", "--method", "region_contrast", "--quiet"
    )
    assert (code, out) == (2, "")
    assert err == "pyxai: region_contrast needs scikit-image: pip install scikit-image\n"


HOSTILE = "a\x1b]0;title\x07\x1b[2J\u202e.png"


@pytest.mark.parametrize("flags", [(), ("--strict",)])
def test_control_characters_reach_no_terminal_and_names_stay_as_they_are(explain, tmp_path, flags):
    folder = fill_folder(tmp_path / "some", 3)
    (folder / HOSTILE).write_bytes(b"broken")
    (folder / f"{HOSTILE}.txt").write_text("no picture")
    code, out, err = explain(*flags, data=folder, out="run\x1b[2J.zarr")
    assert code == 3
    assert all(line.isprintable() for line in (out + err).splitlines())
    assert r"\x1b[2J" in out + err
    if not flags:
        run = engine.open("run\x1b[2J.zarr")
        assert run.paths[0] == HOSTILE and run.errors[0]["path"] == HOSTILE
        assert r"left out     1 not a picture (a\x1b]0;title" in out


def test_what_is_assumed_of_a_picture_is_a_warning_of_one_line(explain, pyxai, tmp_path):
    (tmp_path / "some").mkdir()
    for number in range(3):
        pixels = np.full((12, 12), 4000 + number, np.uint16)
        Image.fromarray(pixels).save(tmp_path / "some" / f"{number}\x1b[2J.png")
    model = f"{TINY}:grey_net"
    arguments = ["--model", model, "--data", tmp_path / "some", "--out", "a.zarr", "--method", "gradient"]
    code, _, err = pyxai("explain", *arguments)
    (warning,) = [line for line in err.splitlines() if line.startswith("pyxai: warning: ")]
    assert code == 0 and "give --range 0,4095" in warning and r"\x1b[2J.png" in warning
    quiet = [*arguments[:5], "c.zarr", *arguments[6:], "--quiet"]
    assert pyxai("explain", *quiet)[2].strip() == warning  # that pixels may be wrong is said also then
    code, _, _ = explain("--grey", "--range", "0,4095", data=tmp_path / "some", model=model, out="b.zarr")
    assert code == 0
    stored = engine.open("b.zarr")
    assert stored.manifest["preprocess"]["range"] == [0, 4095]
    assert stored.image(0).max() == round(255 * 4000 / 4095)
