"""The emulation finds each kind of mistake, says where it is, and finds none where there is none."""

import re

import pytest
import torch

from tests.emulation.device import RUNS, call
from tests.emulation.module import FLAVOUR, MISSING, wrong

if MISSING:
    pytest.skip(f"no {MISSING}", allow_module_level=True)
if FLAVOUR != "races":
    pytest.skip("a sanitizer ends the process", allow_module_level=True)

THREADS, BLOCKS = 64, 4
VALUES = torch.linspace(-3, 5, THREADS * BLOCKS)
ARGUMENTS = (VALUES, THREADS, 4 * THREADS)  # the last one: bytes that are shared
WHERE = r"^wrong: {}, block \({}, 0\), thread {} {}$"
SITE = r"\(tests/emulation/wrong.cu:\d+\)"
UNWRITTEN = "reads shared memory that no thread of its block has written"
LEFT = "which has come to its end"
RACE = r"(reads|writes) {} memory in a race with block \({}, 0\), thread \d+, which (reads|writes) it"


@pytest.mark.parametrize(("order", "blocks"), RUNS)
@pytest.mark.parametrize(
    ("kernel", "block", "thread", "what"),
    [
        ("race_in_shared", r"\d", r"\d+", RACE.format("shared", r"\d")),
        ("missing_barrier", r"\d", r"\d+", UNWRITTEN),
        ("missing_second_barrier", r"\d", r"\d+", RACE.format("shared", r"\d")),
        ("race_between_blocks", r"\d", "0", RACE.format("global", r"\d")),
        ("one_too_far", r"\d", "0", "reads outside of every buffer"),
        ("one_too_early", r"\d", "0", "reads outside of every buffer"),
        ("copies_too_much", "0", "0", "touches memory outside of every buffer"),
        ("writes_elsewhere", "0", "0", "writes outside of every buffer"),
        ("reads_elsewhere", r"\d", r"\d+", "reads outside of every buffer"),
        ("divergent_vote", r"\d", "0", f"waits in __ballot_sync {SITE} for thread 16, {LEFT}"),
        ("votes_apart", r"\d", "0", f"waits in __any_sync {SITE} for thread 16, which waits in .+ {SITE}"),
        ("divergent_shuffle", r"\d", "32", f"waits in __shfl_down_sync {SITE} for thread 40, {LEFT}"),
        ("shuffle_from_nobody", r"\d", r"\d+", "calls __shfl_sync for lane 20, which the mask does not name"),
        ("divergent_barrier", r"\d", "0", f"waits in __syncthreads {SITE} for thread 32, {LEFT}"),
        ("unwritten_shared", r"\d", "0", UNWRITTEN),
        ("asserts", r"\d", "5", "does not meet the assertion threadIdx.x != 5"),
    ],
)
def test_a_mistake_is_found_where_it_is(kernel, block, thread, what, order, blocks):
    with pytest.raises(RuntimeError) as error:
        wrong().call(kernel, ARGUMENTS, order, blocks)
    assert re.match(WHERE.format(kernel, block, thread, what), str(error.value)), error.value


@pytest.mark.parametrize(
    ("kernel", "what"),
    [
        ("writes_its_input", "writes_its_input: writes to `values`, which it may only read"),
        ("host_reads", "host_reads: the host reads or writes the device's memory"),
        ("too_many_blocks", "wrong: too_many_blocks: invalid argument of the launch"),
    ],
)
def test_a_mistake_of_an_operator_is_found(kernel, what):
    with pytest.raises(RuntimeError, match=f"^{what}$"):
        call(wrong(), kernel, *ARGUMENTS)


def test_a_copy_of_an_argument_lies_in_the_devices_memory_too():
    """The operator reads its values from a contiguous copy."""
    strided = torch.stack([VALUES, VALUES], 1)[:, 0]
    with pytest.raises(RuntimeError, match=r"one_too_early, .* reads outside of every buffer"):
        wrong().call("one_too_early", (strided, *ARGUMENTS[1:]))


def test_what_depends_on_the_order_is_found():
    with pytest.raises(AssertionError, match="depends_on_order depends on the order of its threads"):
        call(wrong(), "depends_on_order", *ARGUMENTS)


def test_what_is_not_written_is_not_a_number():
    (out,) = wrong().call("unwritten_result", ARGUMENTS).tensors
    assert torch.equal(out[:-1], VALUES[:-1]) and out[-1].isnan()


def test_shared_memory_is_poison():
    """What the C library reads there is not seen, so it shows in the result."""
    (out,) = wrong().call("copies_unwritten_shared", ARGUMENTS).tensors
    assert out[:THREADS].view(torch.uint8).unique().tolist() == [0xA5]


@pytest.mark.parametrize(("values", "threads", "shared"), [(0, 64, 0), (2048, 2048, 0), (64, 64, 49153)])
def test_what_a_gpu_refuses_is_refused(values, threads, shared):
    with pytest.raises(RuntimeError, match=r"^wrong: sums: invalid argument of the launch$"):
        wrong().call("sums", (torch.ones(values), threads, shared))


def test_after_a_mistake_the_next_call_is_as_ever():
    expected = wrong().call("sums", ARGUMENTS).tensors[0]
    for kernel in ("divergent_barrier", "one_too_far"):
        with pytest.raises(RuntimeError):
            wrong().call(kernel, ARGUMENTS)
        assert torch.equal(wrong().call("sums", ARGUMENTS).tensors[0], expected)


def test_barriers_shuffles_and_shared_memory():
    values = VALUES.reshape(BLOCKS, THREADS)
    out = call(wrong(), "sums", *ARGUMENTS).reshape(BLOCKS, THREADS)
    assert torch.equal(out, out[:, :1].expand_as(out))
    assert torch.allclose(out[:, 0].double(), values.double().sum(1), rtol=1e-6, atol=0)


def test_lanes_in_order():
    assert torch.equal(call(wrong(), "turns", *ARGUMENTS), VALUES)


def test_votes_and_shuffles_of_parts_of_a_warp():
    halves = VALUES.reshape(-1, 16)
    positive = halves > 0
    before, after = halves.clone(), halves.clone()
    before[:, 1:], after[:, :-1] = halves[:, :-1], halves[:, 1:]
    votes = positive.sum(1, keepdim=True)
    expected = 100 * votes + 10 * (votes > 0) + (votes > 0) + 1000 * (before + after + halves[:, -1:])
    assert torch.equal(call(wrong(), "halves", *ARGUMENTS).reshape(-1, 16), expected)


def test_atomics():
    expected = torch.tensor([len(VALUES), VALUES.min(), VALUES.max(), len(VALUES)])
    assert torch.equal(call(wrong(), "counts", *ARGUMENTS)[:4], expected)
