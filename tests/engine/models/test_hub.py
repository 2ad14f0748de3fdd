"""What the packages that publish models share."""

import importlib
import sys

import pytest
import torch

from pyxai.engine import InputError
from pyxai.engine.models.hub import need, publishing
from pyxai.engine.models.load import load_model


@pytest.mark.parametrize(
    ("spec", "package"),
    [("timm:resnet18", "timm"), ("torchvision:resnet18", "torchvision"), ("hf:x/y", "transformers")],
)
def test_a_missing_package_is_one_sentence(monkeypatch, spec, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"needs {package}: pip install {package}$"):
        load_model(spec)


def test_a_package_that_is_there_but_broken_says_so(monkeypatch):
    def broken(name):
        raise ImportError("libcudart is missing")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(InputError, match="json is installed but cannot be imported: libcudart is missing"):
        need("json", "json:net")


def test_what_a_package_raises_is_one_sentence():
    with pytest.raises(InputError, match=r"^model 'x:y' is not available: no such net$"), publishing("x:y"):
        raise RuntimeError("no\nsuch net")


def test_draws_are_the_same_each_time_and_none_of_the_callers():
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    found = []
    for _ in range(2):
        with publishing("x:y"):
            found.append(torch.rand(1))
    assert torch.equal(*found)
    assert torch.equal(torch.rand(1), wanted)
