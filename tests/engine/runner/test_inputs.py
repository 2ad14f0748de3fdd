"""What a job names becomes what the model is called with."""

import os

import numpy as np
import pytest
import torch

from pyxai.engine import InputError, Job, Preprocess
from pyxai.engine.data.called import Called
from pyxai.engine.runner.distributed import World
from pyxai.engine.runner.inputs import model_input, model_of, preprocess_of, targets
from tests.engine import tiny
from tests.engine.conftest import TINY


def test_a_model_by_its_name_a_module_and_none(job):
    loaded, device = model_of(job(), World())
    assert (loaded.spec, device.type) == (f"{TINY}:net", "cuda" if torch.cuda.is_available() else "cpu")
    module = tiny.net()
    loaded, device = model_of(job(model=module, device="cuda:9"), World())
    assert loaded.model is module and (loaded.spec, device.type) == ("Sequential", "cpu")
    loaded, _ = model_of(job(model=None), World())
    assert loaded.model is None
    for device in ("cuda:9", "abacus"):
        with pytest.raises(InputError, match=f"--device {device} cannot be used: "):
            model_of(job(device=device), World())


def test_preprocessing_is_the_models_with_the_jobs_changes():
    own = Preprocess(resize=8, mean=(0.5,))
    job = Job(None, "photos", "run.zarr", preprocess={"crop": 4, "mean": (0.1,)})
    assert preprocess_of(job, own) == Preprocess(resize=8, crop=4, mean=(0.1,))
    for wrong in ({"crop": -1}, {"corp": 4}):
        with pytest.raises(InputError, match=r"crop|corp"):
            preprocess_of(Job(None, "photos", "run.zarr", preprocess=wrong), own)
    function = Called(abs, "net.py:net")
    assert preprocess_of(Job(None, "photos", "run.zarr"), function) is function
    assert preprocess_of(Job(None, "photos", "run.zarr", preprocess={"channels": "L"}), function).mode == "L"
    with pytest.raises(InputError, match="is a function, which --crop, --mean cannot change"):
        preprocess_of(job, function)


def test_targets(tmp_path):
    for target in (None, 3, "top2"):
        assert targets(target, 5, {}) is target
    file = str(tmp_path / "classes.npy")
    np.save(file, np.array([[1, 2], [3, 4]], np.int16))
    found = targets(file, 2, {})
    assert (found.tolist(), found.dtype) == ([[1, 2], [3, 4]], np.int64)
    with pytest.raises(
        InputError, match=r"must hold integers of shape \(3,\) or \(3, T\), got int16 of shape"
    ):
        targets(file, 3, {})
    np.save(file, np.zeros(2))
    with pytest.raises(InputError, match="must hold integers"):
        targets(file, 2, {})
    with pytest.raises(InputError, match=r"cannot read the targets gone\.npy"):
        targets("gone.npy", 2, {})
    os.mkfifo(tmp_path / "pipe.npy")
    np.savez(tmp_path / "more.npz", np.zeros(2, np.int64))
    (tmp_path / "more.npz").rename(tmp_path / "more.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "classes.npy").read_bytes()[:100])
    np.save(tmp_path / "pickle.npy", np.array([{}, {}]), allow_pickle=True)
    for name in ("pipe", "more", "cut", "pickle"):
        with pytest.raises(InputError, match=rf"cannot read the targets .*{name}\.npy"):
            targets(str(tmp_path / f"{name}.npy"), 2, {})


def test_targets_by_name_and_callables_by_their_place(tmp_path):
    names = {0: "cat", 3: "dog: a hound", 4: "crane", 5: "crane"}
    assert (targets("cat", 2, names), targets("dog: a hound", 2, names)) == (0, 3)
    for wrong, message in (("crane", "must name one class, not 4, 5"), ("cats", r"did you mean 'cat'\?")):
        with pytest.raises(InputError, match=message):
            targets(wrong, 2, names)
    file = tmp_path / "numbers.py"
    file.write_text("def corner(output):\n    return output[0, 0, 0]\n\n\nsize = 3\n")
    assert targets(f"{file}:corner", 2, {})(torch.ones(2, 3, 3)) == 1
    for name, message in (("gone", "has no 'gone'"), ("size", "must be a callable of one image's output")):
        with pytest.raises(InputError, match=message):
            targets(f"{file}:{name}", 2, {})


def test_pixels_become_the_models_input():
    pixels = [np.full((3, 2, 2), value, np.uint8) for value in (0, 255)]
    found = model_input(pixels, Preprocess(mean=(0.5,)), torch.device("cpu"), torch.float64)
    assert (found.shape, found.dtype) == ((2, 3, 2, 2), torch.float64)
    assert found.flatten(1).unique(dim=1).tolist() == [[-0.5], [0.5]]
