"""What a store says about itself, and whether a run may continue it."""

import json

import numpy as np
import torch

from pyxai.engine.store.manifest import differences, machine, plain


def test_values_become_plain_and_tensors_their_hash():
    array = np.arange(4.0)
    found = plain({"a": (1, [2.5, None]), 3: torch.arange(4.0).double(), "c": True, "d": torch.float32})
    assert found["a"] == [1, [2.5, None]]
    assert found["3"] == plain(array)
    assert found["3"]["shape"] == [4] and found["3"]["dtype"] == "float64"
    assert (found["c"], found["d"]) == (True, "torch.float32")
    assert plain(array) != plain(array + 1)
    json.dumps(found)


def test_differences_are_one_line_each_and_of_what_decides_bits_only():
    stored = {"method": "a", "options": {"steps": 4}, "machine": 1, "rows": 8, "images": {"count": 3}}
    wanted = {
        "method": "b",
        "options": {"steps": 4, "seed": 0},
        "machine": 2,
        "rows": 9,
        "images": {"count": 3},
    }
    assert differences(stored, stored) == []
    assert differences(stored, wanted) == [
        "method is 'a' in the store, 'b' now",
        "options.seed is None in the store, 0 now",
    ]


def test_the_machine_is_json():
    assert json.loads(json.dumps(machine()))["cores"] >= 1
