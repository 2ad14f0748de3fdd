"""Bytes are counted, and shares of a bandwidth follow from them and from what an operator does."""

import pytest

from benchmarks.ops import Work
from pyxai.testing import ops
from tests.emulation.module import MISSING
from tools import kernel_traffic
from tools.kernel_traffic import Gpu, share

PLAIN = Gpu("plain", memory=100, issued=1000, floats=500, integers=250)


@pytest.mark.parametrize(
    ("moved", "work", "expected"),
    [
        (10, Work(1, 1), (1, "memory")),  # 0.1 s, 0.002 s
        (10, Work(400, 0), (0.125, "floats")),  # 0.8 s
        (10, Work(0, 50), (0.5, "integers")),  # 0.2 s
        (10, Work(0, 0, 1), (0.3125, "integers")),  # 80 of them
        (1, Work(400, 200), (0.0125, "floats")),  # 0.8 s each
        (1, Work(90, 10, 0), (1 / 18, "floats")),
    ],
)
def test_the_slowest_part_decides(moved, work, expected):
    most, bound = share(moved, work, PLAIN)
    assert (pytest.approx(most), bound) == expected


def test_every_operator_says_what_it_does():
    assert all(kernel_traffic.work_of(op).integers > 0 for op in ops())


@pytest.mark.skipif(MISSING is not None, reason=f"no {MISSING}")
def test_each_byte_is_counted_once_a_launch():
    """Path points: 8 rows between 3 starts and 3 ends. A guided ReLU: two numbers read, one written."""
    named = {op.name: op for op in ops()}
    moved, _ = kernel_traffic.bytes_per_element(named["path_points"])
    assert moved == pytest.approx(4 * (8 + 3 + 3) / 8, rel=0.01)
    moved, _ = kernel_traffic.bytes_per_element(named["guided_relu_"])
    assert moved == 12
