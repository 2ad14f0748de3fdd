"""A training that was interrupted, killed, or spread over processes ends with the same weights."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pyxai.dxai.step import Diverged
from pyxai.dxai.training import CHECKPOINT, LOG, Recipe, RecipeMismatch, Training, load_checkpoint
from tests.dxai.conftest import labelled_images, small_recipe

ROOT = Path(__file__).parents[2]
ENDLESS = """
import sys, torch
from tests.dxai.conftest import labelled_images, small_recipe
from pyxai.dxai.training import Training
torch.set_num_threads(1)
for _ in Training(small_recipe(), labelled_images(), None, sys.argv[1]).run(10**6, report_every=2, minutes=0):
    pass
"""
TWO = """
import sys, torch, torch.distributed as dist
from tests.dxai.conftest import labelled_images, small_recipe
from pyxai.dxai.training import Training
torch.set_num_threads(1)
dist.init_process_group("gloo")
for _ in Training(small_recipe(rate=0.0), labelled_images(), None, sys.argv[1]).run(1):
    pass
dist.destroy_process_group()
"""


def train(out, iterations, resume=False, **changes):
    training = Training(small_recipe(**changes), labelled_images(), None, out, resume=resume)
    return list(training.run(iterations, report_every=2))


def assert_same(first, second):
    """Bit for bit, every tensor and number of two checkpoints."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            assert_same(a, b)
    else:
        assert first == second


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of 8 steps that nothing interrupted."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("whole")
    return out, train(out, 8)


def test_resumed_training_is_the_same(whole, tmp_path):
    train(tmp_path, 3)
    train(tmp_path, 8, resume=True)
    assert_same(load_checkpoint(tmp_path), load_checkpoint(whole[0]))


@pytest.mark.slow
def test_killed_training_is_the_same(whole, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
            if (tmp_path / CHECKPOINT).exists():
                process.send_signal(signal.SIGSTOP)  # it goes no farther while we look
                if load_checkpoint(tmp_path)["iteration"] >= 3:
                    break
                process.send_signal(signal.SIGCONT)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = load_checkpoint(tmp_path)["iteration"]
    assert 3 <= reached < 8
    train(tmp_path, 8, resume=True)
    assert_same(load_checkpoint(tmp_path), load_checkpoint(whole[0]))
    with open(tmp_path / LOG, newline="") as file:
        steps = [int(row["iteration"]) for row in csv.DictReader(file)]
    assert steps == [2, 4, 6, 8]


@pytest.mark.slow
def test_two_processes_share_a_batch(tmp_path):
    """The gradients of their one step, which are Adam's first moments, are the one process's up to rounding.

    The rate is zero: else Adam turns a rounded gradient about zero into a whole step of the discriminator,
    and the generators' gradients see it.
    """
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        "29617",
    ]
    script = tmp_path / "two.py"
    script.write_text(TWO)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(script), str(tmp_path / "two")], check=True, env=environment, cwd=ROOT)
    train(tmp_path / "one", 1, rate=0.0)
    one, two = (load_checkpoint(tmp_path / name) for name in ("one", "two"))
    for optimiser in ("discriminator_optimiser", "generator_optimiser"):
        moments = one[optimiser]["state"], two[optimiser]["state"]
        assert moments[0].keys() == moments[1].keys()
        gradients = [[one["exp_avg"] for one in state.values()] for state in moments]
        # Some are zero but for rounding: those of biases before a normalisation.
        rounding = 1e-6 * max(gradient.abs().max() for gradient in gradients[0])
        for first, second in zip(*gradients, strict=True):
            assert (first - second).abs().max() <= 1e-4 * first.abs().max() + rounding


def test_reports(whole):
    _, reports = whole
    assert [report.iteration for report in reports] == [2, 4, 6, 8]
    last = reports[-1]
    assert last.quality.keys() == {"psnr", "distinct", "agnostic"}
    parts = torch.stack([last.sample.distinct, last.sample.agnostic, last.sample.residual])
    # Untrained branches reach several times the images' range, and rounding with them.
    assert (parts.sum(0) - last.images).abs().max() <= 1e-6 * max(1, parts.abs().max())
    assert last.quality["psnr"] == pytest.approx(last.sample.psnr().mean().item())
    assert last.complaint == ""


def test_collapse_is_said(tmp_path):
    training = Training(small_recipe(rate=0.0), labelled_images(), None, tmp_path)
    with torch.no_grad():
        for networks in (training.step.networks, training.step.average):
            networks.generator.head.weight[:3].zero_()
    (report,) = training.run(1)
    assert report.complaint == "collapse: the distinct part has 0.0% of the image's magnitude"


def test_divergence_keeps_the_checkpoint(tmp_path):
    train(tmp_path, 2)
    training = Training(small_recipe(), labelled_images(), None, tmp_path, resume=True)
    with torch.no_grad():
        training.step.networks.generator.head.bias[0] = float("inf")
    with pytest.raises(Diverged, match=r"training diverged: the .* loss is nan at step 3"):
        list(training.run(4))
    with pytest.raises(Diverged, match=r"training diverged: generator.head.bias is not finite at step 2"):
        training.save()
    assert load_checkpoint(tmp_path)["iteration"] == 2


def test_another_recipe_is_refused(whole):
    with pytest.raises(RecipeMismatch, match=r"was made with rate 0.0001, not 0.01; seed 0, not 3"):
        train(whole[0], 9, resume=True, rate=0.01, seed=3)


def test_recipe_round_trip():
    recipe = small_recipe(discriminator_width=None, input_norm=False)
    assert Recipe.from_json(recipe.as_json()) == recipe


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no checkpoint.pt in"), (b"broken", "cannot read"), ({"format": 9}, "has the format 9, not 1")],
)
def test_no_checkpoint(content, message, tmp_path):
    path = tmp_path / CHECKPOINT
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        torch.save(content, path)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 5, "accumulate": 2}, "`batch` must be a multiple of 2"),
        ({"augmentation": "all"}, "`augmentation` must be one of"),
        ({"size": 20}, "`size` must be"),
    ],
)
def test_bad_recipes(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(tmp_path, 1, **changes)
