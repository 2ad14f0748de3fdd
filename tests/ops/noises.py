"""What holds for every operator that makes noise: the tests of each call this with their own."""

import pytest
import torch

from pyxai.testing import ops, run, sample_inputs

SIZES = (1, 3, 4, 1023, 1024, 1025, 70001)

# Changed arguments, the error, and its message behind the operator's name.
WRONG = (
    ({"seed": 2**64}, ValueError, "`seed` must fit in 64 bits, got 18446744073709551616"),
    ({"seed": 1.5}, TypeError, "`seed` must be an int, got float"),
    ({"draws": torch.tensor([-1])}, ValueError, r"`draws` must lie in \[0, 4294967296\), got -1"),
    (
        {"draws": torch.tensor([2**32])},
        ValueError,
        r"`draws` must lie in \[0, 4294967296\), got 4294967296",
    ),
    ({"dtype": torch.int64}, TypeError, "`dtype` must be a floating point type, got torch.int64"),
    ({"shape": (-1,)}, ValueError, r"`shape` must hold sizes >= 0, got \(-1,\)"),
    ({"shape": (2**35,)}, ValueError, r"`shape` must hold at most 2\^34 elements, got \(34359738368,\)"),
)


def one_row(noise, sample=0, draw=0, seed=0, size=2**20, dtype=torch.float32):
    """One long row of noise."""
    return noise(torch.tensor([sample]), torch.tensor([draw]), seed, (size,), dtype)[0]


def check_reference(noise, size, dtype):
    """Bitwise equal to the reference on the CPU."""
    (op,) = (op for op in ops() if op.name == noise.__name__)
    for args in sample_inputs(op, dtype=dtype, rows=3, shape=(size,)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def check_cast(noise, dtype):
    """Other dtypes are casts of float32."""
    values = one_row(noise, size=1000)
    assert torch.equal(one_row(noise, size=1000, dtype=dtype), values.to(dtype))


def check_view(noise):
    """A shape is only a view."""
    ids, draws = torch.tensor([5]), torch.tensor([1])
    assert torch.equal(noise(ids, draws, 7, (3, 8, 9)).flatten(1), noise(ids, draws, 7, (216,)))


def check_message(noise, change, error, message):
    args = {
        "ids": torch.tensor([0]),
        "draws": torch.tensor([0]),
        "seed": 0,
        "shape": (4,),
        "dtype": torch.float32,
    }
    with pytest.raises(error, match=f"^{noise.__name__}: {message}"):
        noise(**(args | change))
