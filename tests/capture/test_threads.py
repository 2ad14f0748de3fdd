"""Threads, processes and lives of an Explainer: maps are as in a serial run, and the model is left alone."""

import copy
import gc
import logging
import multiprocessing
import os
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

import pyxai
from tests import unfriendly

SIZES = (16, 18, 20)
OPTIONS = {"integrated_gradients": {"steps": 2}}


def network():
    return unfriendly.build("InplaceAdd").eval()


def images(number):
    size = SIZES[number % len(SIZES)]
    generator = torch.Generator().manual_seed(number)
    return torch.rand(2, 3, size, size, dtype=torch.float64, generator=generator)


def explainer(model, method):
    return pyxai.Explainer(model, method, rows=2, **OPTIONS.get(method, {}))


def is_real(model):
    tensors = [*model.parameters(), *model.buffers()]
    return not any(isinstance(part, FakeTensor) for tensor in tensors for part in (tensor, tensor.data))


FEW, MANY = (3, 4), (8, 20)  # threads and their calls
ALL = ("gradient", "lrp", "deeplift", "integrated_gradients")


@pytest.mark.parametrize(
    "method, shared, threads, calls",
    [("gradient", False, *FEW), ("lrp", True, *FEW)]
    + [pytest.param(name, shared, *MANY, marks=pytest.mark.slow) for name in ALL for shared in (True, False)],
)
def test_threads_explain_while_another_runs_the_model(method, shared, threads, calls):
    model, seen = network(), []
    model.register_forward_hook(lambda *arguments: seen.append(arguments[-1]))
    serial = explainer(model, method)
    wanted = [serial(images(number), 1).attribution for number in range(calls)]
    with torch.no_grad():
        scores = model(images(0))
    one, stop, wrong = explainer(model, method), threading.Event(), []

    def request(thread):
        own = one if shared else explainer(model, method)
        return [own(images(number), 1).attribution for number in range(calls)]

    def watch():
        while not stop.is_set():
            with torch.no_grad():
                if not is_real(model) or not torch.equal(model(images(0)), scores):
                    wrong.append("the model")

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(request, range(threads)))
    finally:
        stop.set()
        watching.join()
    assert not wrong and is_real(model)
    assert all(torch.equal(*maps) for each in found for maps in zip(each, wanted, strict=True))
    assert not any(isinstance(value, FakeTensor) for value in seen)


def test_what_other_threads_print_while_a_model_is_traced_comes_through(capsys):
    done = threading.Event()

    class Slow(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, x):
            if torch.compiler.is_exporting():
                import sys

                speaker = threading.Thread(target=lambda: print("a line", file=sys.stderr))
                speaker.start()
                speaker.join()
                done.set()
            return self.net(x)

    assert pyxai.Explainer(Slow().eval(), "gradient")(images(0), 1).attribution.any()
    assert done.is_set() and capsys.readouterr().err == "a line\n"


class Forbids(nn.Module):
    """Cannot be traced, which torch has much to say about."""

    def forward(self, x):
        return x if x.mean() > 0 else -x


def test_a_failed_trace_is_quiet(capfd, caplog):
    model = nn.Sequential(Forbids(), network()).eval()
    with pytest.raises(
        ValueError, match=r"^lrp: `model` must be capturable for this method: torch.export: "
    ) as error:
        pyxai.explain(model, images(0), "lrp", 1)
    assert "\n" not in str(error.value)
    assert pyxai.explain(model, images(0), "gradient", 1).attribution.any()
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


@pytest.mark.parametrize("method", ["gradient", "lrp", "smoothgrad"])
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, copy.copy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_a_used_explainer_can_be_copied_and_sent(method, duplicate):
    used = pyxai.Explainer(network(), method, class_names=["a", "b", "c", "d", "e"])
    wanted = used(images(0), "b").attribution
    other = duplicate(used)
    assert torch.equal(other(images(0), "b").attribution, wanted)
    assert torch.equal(used(images(0), "b").attribution, wanted)
    assert other._lock is not used._lock and other.rows == used.rows


@pytest.mark.parametrize("count", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_dropped_explainers_are_gone_with_their_graphs_and_models(count):
    """Without a collection of garbage, which torch.export needs to let go of the model's own parameters."""
    explainer(network(), "gradient")(images(0), 1)  # the first trace imports parts of torch
    gone = []
    gc.disable()
    try:
        for number in range(count):
            model = network()
            used = explainer(model, ALL[number % len(ALL)])
            used(images(number), 1)
            program = next(iter(used._programs.values()))
            folded = next(part for name, part in program.forward.named_buffers() if "folded" in name)
            gone += map(weakref.ref, (model, used, program, program.forward, folded))
            del model, used, program, folded
        assert not [reference() for reference in gone if reference() is not None]
    finally:
        gc.enable()


def _in_a_process(used, queue):
    torch.set_num_threads(1)
    queue.put(used(images(1), 1).attribution.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_a_used_explainer_serves_in_another_process(start):
    torch.set_num_threads(1)
    used = explainer(network(), "lrp")
    wanted = used(images(1), 1).attribution
    context = multiprocessing.get_context(start)
    queue = context.Queue()
    worker = context.Process(target=_in_a_process, args=(used, queue))
    worker.start()
    found = queue.get(timeout=120)
    worker.join(60)
    assert worker.exitcode == 0 and (found == wanted.numpy()).all()


def test_a_process_forked_in_the_middle_of_a_capture_is_not_stuck():
    """As a data loader's workers may be: another thread holds the lock that the child finds."""
    torch.set_num_threads(1)
    inside, go_on = threading.Event(), threading.Event()

    class Waits(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, x):
            inside.set()
            go_on.wait(60)
            return self.net(x)

    waiting = threading.Thread(target=lambda: explainer(Waits().eval(), "gradient")(images(0), 1))
    waiting.start()
    inside.wait(60)
    child = os.fork()
    if not child:
        try:
            found = explainer(network(), "gradient")(images(0), 1).attribution
            os._exit(0 if bool(found.any()) else 1)
        finally:
            os._exit(2)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    waiting.join()
    assert status == 0
