"""Forward passes of baselines: made once where all images share them, within the bytes that are allowed."""

import pytest
import torch

from pyxai.capture.rows import FixedRows
from pyxai.propagation.deeplift.baseline_tapes import BaselineTapes
from pyxai.propagation.deeplift.multiplication import Multiplication
from pyxai.propagation.walk import Walk
from tests.graphs import Written, pixels

aten = torch.ops.aten
ROWS = FixedRows(4)
BASELINE = pixels(1, 3, 6, 6)


@pytest.fixture
def walk():
    net = Written(pixels(4, 3, 6, 6))
    conv = net.call(aten.conv2d.default, net.images, net.tensor(pixels(5, 3, 3, 3)))
    module = net.module(net.call(aten.max_pool2d.default, net.call(aten.relu.default, conv), [2, 2]))
    return Walk(module, Multiplication(module, "rescale"), False)


def test_a_shared_tape_has_one_row_and_is_kept(walk):
    tapes = BaselineTapes(walk, 2**20)
    tape = tapes.shared(ROWS, BASELINE, 0)
    assert tapes.shared(ROWS, BASELINE.clone(), 0) is tape
    whole = tapes.of_rows(ROWS, BASELINE)
    for node, value in whole.values.items():
        if node not in walk.constants:
            assert len(tape[node]) == 1 and torch.equal(tape[node].expand_as(value), value)
    assert all(len(note) == 1 for note in tape.notes.values())
    assert tape.values.keys() == whole.values.keys()


def test_a_baseline_that_changed_is_run_anew(walk):
    tapes, baseline = BaselineTapes(walk, 2**20), BASELINE.clone()
    first = tapes.shared(ROWS, baseline, 0)
    baseline.add_(1)
    second = tapes.shared(ROWS, baseline, 0)
    assert second is not first and not torch.equal(second[walk.end], first[walk.end])
    assert tapes.shared(ROWS, baseline, 0) is second


def test_what_does_not_fit_is_made_again_and_equal(walk):
    kept, none = BaselineTapes(walk, 2**20), BaselineTapes(walk, 0)
    first, again = (none.shared(ROWS, BASELINE, 0) for _ in range(2))
    assert first is not again
    expected = kept.shared(ROWS, BASELINE, 0)
    assert all(torch.equal(first[node], expected[node]) for node in expected.values)


def test_bytes_are_counted_and_given_back(walk):
    size = BaselineTapes(walk, 0)._size(BaselineTapes(walk, 0).shared(ROWS, BASELINE, 0))
    tapes = BaselineTapes(walk, 2 * size)
    both = [tapes.shared(ROWS, BASELINE * scale, number) for number, scale in enumerate((1, 2))]
    third = tapes.shared(ROWS, BASELINE * 3, 2)
    assert tapes.shared(ROWS, BASELINE * 3, 2) is not third
    assert all(tapes.shared(ROWS, BASELINE * s, n) is both[n] for n, s in enumerate((1, 2)))
    changed = tapes.shared(ROWS, BASELINE * 4, 1)  # in the place of the second
    assert tapes.shared(ROWS, BASELINE * 4, 1) is changed


def test_baselines_of_their_own_are_run_for_every_call(walk):
    tapes = BaselineTapes(walk, 2**20)
    rows = pixels(3, 3, 6, 6, seed=5)
    tape = tapes.of_rows(ROWS, rows)
    assert len(tape[walk.end]) == 4  # filled up to the rows of a call
    assert torch.equal(tape[walk.end][:3], walk.forward(ROWS.fill(rows))[walk.end][:3])
