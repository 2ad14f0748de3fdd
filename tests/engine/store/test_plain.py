"""What a manifest says of values and of the user's own code."""

import functools
import json

import numpy as np
import pytest
import torch
from torch import nn

from pyxai.engine.models.python import named
from pyxai.engine.store.plain import code_identity, plain


def test_values_become_plain_and_tensors_their_hash():
    array = np.arange(4.0)
    found = plain({"a": (1, [2.5, None]), 3: torch.arange(4.0).double(), "c": True, "d": torch.float32})
    assert found["a"] == [1, [2.5, None]]
    assert found["3"] == plain(array)
    assert found["3"]["shape"] == [4] and found["3"]["dtype"] == "float64"
    assert (found["c"], found["d"]) == (True, "torch.float32")
    assert plain(array) != plain(array + 1)
    json.dumps(found)


SOURCE = """
import functools

import torch

def pick(output, k):
    return output[k]

def function(output):
    return output[0]

def made(k):
    return lambda output: output[k]

class Pick:
    def __init__(self, k):
        self.k, self.weight, self.itself = k, torch.full((2,), k), self
    def __call__(self, output):
        return output[self.k]

class Head(torch.nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = k
        self.register_buffer("weight", torch.full((2,), k))

partial, closure, instance, module = functools.partial(pick, k=0), made(0), Pick(0), Head(0)
method = instance.__call__
"""
NAMES = ("function", "partial", "closure", "instance", "module", "method")


@pytest.mark.parametrize("name", NAMES)
def test_code_is_known_by_the_file_that_it_was_asked_for_in(tmp_path, name):
    file, spec = tmp_path / "code.py", f"{tmp_path / 'code.py'}:{name}"
    file.write_text(SOURCE)
    first = code_identity(named(spec), spec)
    assert first["callable"] == spec and json.loads(json.dumps(first)) == first
    assert code_identity(named(spec), spec) == first
    file.write_text(SOURCE + "# another")
    assert code_identity(named(spec), spec)["blake2b"] != first["blake2b"]


def pick(output, k):
    return output[k]


def closure(k):
    return lambda output: output[k]


class Pick:
    def __init__(self, k):
        self.k, self.kind, self.itself, self.function = k, torch.float32, self, pick

    def __call__(self, output):
        return output[self.k]

    def method(self, output):
        return output[self.k]


class Head(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        nn.init.constant_(self.linear.weight, k)
        nn.init.zeros_(self.linear.bias)


MAKERS = {
    "partial": lambda k: functools.partial(pick, k=k),
    "partial of one": lambda k: functools.partial(functools.partial(pick, k=k), 3),
    "closure": closure,
    "closure of one": lambda k: closure(Pick(k)),
    "instance": Pick,
    "method": lambda k: Pick(k).method,
    "module": Head,
}


@pytest.mark.parametrize("name", MAKERS)
def test_code_is_known_by_what_it_holds(name):
    make = MAKERS[name]
    first, same, other = (code_identity(make(k), None) for k in (0, 0, 2))
    assert first == same and json.loads(json.dumps(first)) == first
    assert first["blake2b"] == other["blake2b"] and first["held"] != other["held"]


def test_a_function_that_holds_nothing_is_its_name_and_its_file():
    assert set(code_identity(pick, None)) == {"callable", "blake2b"}
    assert code_identity(pick, None)["blake2b"] != code_identity(len, None)["blake2b"]
