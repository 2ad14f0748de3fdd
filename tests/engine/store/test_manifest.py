"""What a store says about itself, and whether a run may continue it."""

import json

from pyxai.engine.store.manifest import differences, machine


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
