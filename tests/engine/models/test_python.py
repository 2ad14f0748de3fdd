"""Models that a callable of the user's makes."""

import types

import pytest
import torch

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.called import Called
from pyxai.engine.models.load import load_model
from pyxai.engine.models.python import called_model
from pyxai.engine.models.weights import weights_hash
from tests.engine import tiny
from tests.engine.conftest import TINY


def test_callables_by_file_and_by_module():
    by_file = load_model(f"{TINY}:prepared_net")
    by_module = load_model("tests.engine.tiny:prepared_net")
    assert by_file.preprocess == by_module.preprocess == tiny.prepared_net()[1]
    assert weights_hash(by_file.model) == weights_hash(by_module.model) == weights_hash(tiny.net())
    assert load_model(f"{TINY}:net").preprocess == Preprocess()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere.py:net", "^no such file: nowhere.py$"),
        ("no_such_module_at_all:net", "^cannot import no_such_module_at_all: "),
        (f"{TINY}:nothing", "has no 'nothing'$"),
        (f"{TINY}:not_a_model", "must be a callable or a module, got int$"),
        (f"{TINY}:broken", "raised OSError: the weights are gone$"),
        ("builtins:dict", "builtins:dict must return a torch.nn.Module, got dict"),
    ],
)
def test_what_makes_no_model_is_refused(spec, message):
    with pytest.raises(InputError, match=message):
        called_model(spec)


def test_a_file_with_an_error_is_one_sentence(tmp_path):
    (tmp_path / "model.py").write_text("def net(:\n")
    with pytest.raises(InputError, match=r"cannot import .*model\.py: .*invalid syntax"):
        called_model(f"{tmp_path / 'model.py'}:net")


def test_a_module_stands_for_itself_and_brings_its_preprocessing(monkeypatch):
    made = types.ModuleType("made")
    made.net = torch.nn.Identity()
    made.pair = lambda: (made.net, types.SimpleNamespace(crop=8, mean=0.5))
    monkeypatch.setitem(__import__("sys").modules, "made", made)
    assert called_model("made:net") == (made.net, Preprocess())
    assert called_model("made:pair") == (made.net, Preprocess(crop=8, mean=(0.5,)))
    made.pair = lambda: (made.net, abs)
    assert called_model("made:pair") == (made.net, Called(abs, "made:pair"))
