"""Files of weights are loaded as tensors, never as code, and hashed bit by bit."""

import argparse
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pyxai.engine import InputError
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import _fitting, weights_hash
from tests.engine import tiny
from tests.engine.conftest import TINY, Payload


def test_the_hash_sees_every_bit():
    model = tiny.net()
    before = weights_hash(model)
    with torch.no_grad():
        model[0].bias[0] = torch.nextafter(model[0].bias[0], torch.tensor(9.0))
    assert weights_hash(model) != before


@pytest.mark.parametrize("ending", ["pt", "npz", "safetensors"])
def test_weights_from_a_file(tmp_path, ending):
    state = tiny.other_net().state_dict()
    path = tmp_path / f"weights.{ending}"
    if ending == "pt":
        torch.save({"state_dict": state}, path)
    elif ending == "npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items()})
    else:
        save_file(state, path)
    loaded = load_model(f"{TINY}:net?weights={path}")
    assert weights_hash(loaded.model) == weights_hash(tiny.other_net())


def test_weights_with_code_in_them_are_refused(tmp_path, capsys):
    torch.save({"0.weight": Payload()}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="cannot load the weights"):
        load_model(f"{TINY}:net?weights={tmp_path / 'weights.pt'}")
    assert "ran code" not in capsys.readouterr().out


STATE = tiny.other_net().state_dict()


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value for name, value in STATE.items()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(
            "best.pth.tar", {"state_dict": STATE, "epoch": 3, "best_acc1": 7.5}, id="ImageNet example"
        ),
        pytest.param("a.pth", {"model": STATE, "optimizer": {"state": {}}, "args": 3}, id="timm"),
        pytest.param("a.pt", {"model_state_dict": STATE, "loss": 0.5}, id="torch tutorial"),
        pytest.param("a.bin", STATE, id="transformers"),
        pytest.param("a.pth", prefixed("module."), id="DataParallel"),
        pytest.param("a.pth", prefixed("_orig_mod."), id="compiled"),
        pytest.param("a.pth", prefixed("module._orig_mod."), id="both"),
        pytest.param("a.pth", {"model": prefixed("_orig_mod.module.")}, id="both, in a place"),
        pytest.param("last.ckpt", {"state_dict": prefixed("model."), "global_step": 3}, id="Lightning"),
        pytest.param("ending.of_mine", STATE, id="another ending"),
        pytest.param("no_ending", {"state_dict": STATE}, id="no ending"),
        pytest.param("a.pth", {"state_dict": STATE, "model": STATE}, id="twice the same"),
        pytest.param(
            "a.pth",
            {"model": STATE, "args": argparse.Namespace(lr=0.1, out=Path("x")), "best": np.float64(0.5)},
            id="options and numbers beside them",
        ),
    ],
)
def test_checkpoints_as_people_write_them(tmp_path, name, content):
    torch.save(content, tmp_path / name)
    loaded = load_model(f"{TINY}:net?weights={tmp_path / name}")
    assert weights_hash(loaded.model) == weights_hash(tiny.other_net())


def test_prefixes_in_other_kinds_of_files(tmp_path):
    np.savez(tmp_path / "a.npz", **{name: value.numpy() for name, value in prefixed("module.").items()})
    save_file(prefixed("model."), tmp_path / "a.safetensors")
    for name in ("a.npz", "a.safetensors"):
        loaded = load_model(f"{TINY}:net?weights={tmp_path / name}")
        assert weights_hash(loaded.model) == weights_hash(tiny.other_net())


def test_names_of_the_model_itself_are_no_prefix():
    """A model that is wrapped by itself has the prefix in its own names."""
    wrapped = torch.nn.Module()
    wrapped.module = tiny.net()
    for stored in (prefixed("module."), prefixed("module.module.")):
        assert _fitting(stored, wrapped.state_dict()).keys() == wrapped.state_dict().keys()
    both = {**prefixed("module."), "extra": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"the names do not fit the model: 6 missing .* and 7 unexpected"):
        _fitting(both, tiny.net().state_dict())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {**STATE, "9.weight": torch.zeros(1)},
            r"the names do not fit the model: 1 unexpected \(9\.weight\)",
        ),
        (
            {name: value for name, value in STATE.items() if name != "0.bias"},
            r"the names do not fit the model: 1 missing \(0\.bias\)",
        ),
        (
            {"encoder.weight": torch.zeros(1), "state": 3},
            r"no tensors by name, but dict",
        ),
        (
            {"state_dict": {"a": torch.zeros(1)}},
            r"6 missing \(0\.bias, 0\.weight, 2\.bias, …\) and 1 unexpected \(a\)",
        ),
        ({"state_dict": STATE, "model": tiny.net().state_dict()}, "several sets of weights fit"),
        ({**STATE, "0.bias": torch.zeros(3)}, "size mismatch for 0.bias"),
        ([1, 2], "no tensors by name, but list"),
        (torch.zeros(3), "no tensors by name, but Tensor"),
        ({}, "no tensors by name, but dict"),
        ({"model": tiny.net()}, r"it holds torch\.nn\.modules\.container\.Sequential, which could run code"),
    ],
)
def test_checkpoints_that_do_not_fit_say_how(tmp_path, content, message):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(InputError, match=rf"cannot load the weights .*a\.pth \(tensors only\): .*{message}"):
        load_model(f"{TINY}:net?weights={tmp_path / 'a.pth'}")


def test_no_weights_are_unpacked_that_could_not_be_the_models(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **{"0.weight": np.zeros(10**7)})
    torch.save(STATE, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as old, zipfile.ZipFile(tmp_path / "b.pt", "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    for name, message in (
        ("a.npz", "are more than the model's weights"),
        ("b.pt", "compressed, which torch.save"),
    ):
        with pytest.raises(InputError, match=message):
            load_model(f"{TINY}:net?weights={tmp_path / name}")


@pytest.mark.timeout(20)
def test_weights_that_are_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    for name, message in (
        ("pipe.pth", "are a pipe"),
        ("gone.pth", "no such weights file"),
        ("", "are a folder"),
    ):
        with pytest.raises(InputError, match=message):
            load_model(f"{TINY}:net?weights={tmp_path / name}")
    for content in (b"", b"no weights", b"\x80\x04", b"PK\x03\x04"):
        for ending in ("pth", "npz", "safetensors"):
            (tmp_path / f"a.{ending}").write_bytes(content)
            with pytest.raises(InputError, match="cannot load the weights"):
                load_model(f"{TINY}:net?weights={tmp_path / f'a.{ending}'}")
