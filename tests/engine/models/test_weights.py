"""Files of weights are loaded as tensors, never as code, and hashed bit by bit."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pyxai.engine import InputError
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import weights_hash
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
