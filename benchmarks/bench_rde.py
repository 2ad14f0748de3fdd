"""Rate-distortion explanations: the wavelet transforms and a step of CartoonX beside pytorch-wavelets."""

from __future__ import annotations

import functools
from itertools import islice

import torch
from torch import Tensor

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from benchmarks.ops.dwt import SIDE, peer
from benchmarks.ops.dwt import cases as dwt_cases
from benchmarks.ops.idwt import cases as idwt_cases
from pyxai.bench import interleave
from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from pyxai.capture.rows import default_rows, fit_rows
from tests import zoo

SAMPLES, SPARSITY = 16, 40.0
BOUNDS = {"idwt": 0.075, "idwt's transpose": 0.35, "dwt": 0.35}


def model_and_image(device: str = "cpu") -> tuple[torch.nn.Module, Tensor]:
    torch.manual_seed(0)
    return zoo.build("mobilenet_v3_small").to(device), torch.rand(1, 3, SIDE, SIDE, device=device)


class EagerStep:
    """A step as the paper's setting writes it: torch, pytorch-wavelets, autograd, torch's Adam, one image."""

    def __init__(self, model: torch.nn.Module, image: Tensor, samples: int):
        forward, self.inverse = peer(image.device)
        self.model, self.samples = model, samples
        self.low, self.details = forward(image)
        parts = [self.low, *self.details]
        self.statistics = [(part.mean(), part.std()) for part in parts]
        self.masks = [torch.ones_like(part[:, :1]).requires_grad_() for part in parts]
        self.size = sum(mask.numel() for mask in self.masks)
        self.optimiser = torch.optim.Adam(self.masks, lr=1e-3)
        with torch.no_grad():
            probabilities = model(image).softmax(1)[0]
        self.target = probabilities.argmax()
        self.wanted = probabilities[self.target]

    def __call__(self) -> None:
        mixed = []
        for part, mask, (mean, std) in zip(
            [self.low, *self.details], self.masks, self.statistics, strict=True
        ):
            noise = mean + std * torch.randn(self.samples, *part.shape[1:], device=part.device)
            mixed.append(mask * part + (1 - mask) * noise)
        images = self.inverse((mixed[0], mixed[1:])).clamp(0, 1)
        distortion = (self.wanted - self.model(images).softmax(1)[:, self.target]).square().mean()
        loss = distortion + SPARSITY / self.size * sum(mask.abs().sum() for mask in self.masks)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            for mask in self.masks:
                mask.clamp_(0, 1)


class OurStep:
    """`steps` steps of `pyxai.Explainer`, so that what surrounds them can be taken off by subtraction."""

    def __init__(self, model: torch.nn.Module, image: Tensor, samples: int, rows: int | None = None):
        self.model, self.image, self.samples = model, image, samples
        rows = rows or fit_rows(default_rows(image.shape, image.device), samples)
        self.explainers = {
            steps: pyxai.Explainer(
                model, "cartoonx", steps=steps, samples=samples, sparsity=SPARSITY, rows=rows
            )
            for steps in (1, 5)
        }
        for explainer in self.explainers.values():
            explainer.prepare(image)

    def run(self, steps: int) -> None:
        self.explainers[steps](self.image)

    def executor(self) -> Executor:
        return Executor(capture(Classifier(self.model), self.image), self.explainers[1].rows)


def step(results: Results, options: Options) -> None:
    """Time of a step, and of its parts that are not the model."""
    model, image = model_and_image(options.device)
    samples = 4 if options.quick else SAMPLES
    eager, ours = EagerStep(model, image, samples), OurStep(model, image, samples)
    executor = ours.executor()
    points = torch.rand(executor.rows, 3, SIDE, SIDE, device=options.device)
    points = points.contiguous(memory_format=torch.channels_last)
    target = torch.zeros(samples, dtype=torch.int64, device=options.device)

    def ours_model() -> None:
        for _ in range(samples // executor.rows):
            executor.value_gradients(points, lambda scores: scores.softmax(1)[:, 0])

    what = f"CartoonX, a step, MobileNetV3-small, {SIDE}², {samples} draws"
    seconds = interleave(
        {
            "floor": lambda: pyxai.bench.floor(model, points[:1].expand(samples, -1, -1, -1), target),
            "torch and pytorch-wavelets": eager,
            "5 steps": lambda: ours.run(5),
            "1 step": lambda: ours.run(1),
            "the model in a step": ours_model,
        },
        options.rounds,
    )
    five, one = seconds.pop("5 steps"), seconds.pop("1 step")
    seconds["pyxai"] = [(a - b) / 4 for a, b in zip(five, one, strict=True)]
    results.add(what, seconds, Claim("pyxai", "torch and pytorch-wavelets", 0.40))
    rest = [1 - m / s for m, s in zip(seconds["the model in a step"], seconds["pyxai"], strict=True)]
    results.state(f"{what}: share that is not the model", sorted(rest)[len(rest) // 2], wanted="<= 0.3")


def call(which: str, samples: int):
    """One side's step, for `peak_memory` in a process of its own; made once before, as in a run."""
    model, image = model_and_image()
    torch.set_num_threads(2)
    if which == "eager":
        run = EagerStep(model, image, samples)
    else:
        run = functools.partial(OurStep(model, image, samples).run, 1)
    return run


def memory(results: Results, options: Options) -> None:
    if options.quick or options.device != "cpu":
        return
    added = {
        which: harness.peak_memory("benchmarks.bench_rde:call", which=which, samples=64).added
        for which in ("pyxai", "eager")
    }
    what = "CartoonX, memory of a step of 64 draws"
    for which, size in added.items():
        results.state(f"{what}, {which}", size / 2**20, "MiB")
    results.state(f"{what}: pyxai ÷ eager", added["pyxai"] / added["eager"], wanted="<= 0.6")


def transforms(results: Results, options: Options) -> None:
    """The bounds of `bench_ops`' cases of 16 images."""
    for case in (*islice(dwt_cases(options.device), 1), *islice(idwt_cases(options.device), 2)):
        seconds = interleave({"pyxai": case.native, "pytorch-wavelets": case.eager}, options.rounds)
        name = case.what.partition(",")[0]
        claim = Claim("pyxai", "pytorch-wavelets", BOUNDS[name])
        results.add(case.what, seconds, claim)


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("rde", options)
    for measure in (transforms, step, memory):
        measure(results, options)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
