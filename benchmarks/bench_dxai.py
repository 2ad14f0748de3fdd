"""A training step of DXAI against the plain one, and where its time goes."""

from __future__ import annotations

from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks import harness
from benchmarks.harness import Claim
from pyxai.bench import interleave
from pyxai.cli.memory import keep_freed_memory
from pyxai.dxai import losses
from pyxai.dxai.classifiers import ResNet18
from pyxai.dxai.losses import Objective
from pyxai.dxai.networks import levels
from pyxai.dxai.step import Draws, Networks, Step

CLASSES, BRANCHES = 3, 5
STEPS = ("plain", "pyxai", "pyxai, bf16")


def plain_beside(first: Tensor, second: Tensor, branches: int) -> Tensor:
    """`pyxai.dxai.blocks.beside` for the default memory format."""
    return torch.cat([x.unflatten(1, (branches, -1)) for x in (first, second)], 2).flatten(1, 2)


class PlainStep:
    """The formulas, one after the other, all in the default memory format.

    The generator runs for the discriminator's turn and again for its own, each time on every image twice,
    once for each class; the discriminator sees the real images for the adversarial loss and again for the
    distillation. The losses and the fused optimiser are the library's.
    """

    def __init__(self, networks: Networks, classifier: nn.Module):
        self.networks = networks.to(memory_format=torch.contiguous_format)
        self.classifier = classifier.to(memory_format=torch.contiguous_format)
        step = Step(networks, classifier, Objective())
        self.optimisers = step.discriminator_optimiser, step.generator_optimiser
        self.average = step.average
        self.objective = step.objective

    def generate(self, images: Tensor, both: Tensor, draws: Draws):
        style = self.networks.mapping(draws.noise, both)
        with mock.patch("pyxai.dxai.networks.beside", plain_beside):
            generated = self.networks.generator(images.repeat(2, 1, 1, 1), style)
        own, other = generated.branches.chunk(2)
        return generated, torch.cat(losses.blend(own, other, draws.alpha))

    def __call__(self, images: Tensor, target: Tensor, draws: Draws) -> None:
        weights, both = self.objective, torch.cat([target, draws.other])
        discriminator = self.networks.discriminator
        with torch.no_grad():
            _, fakes = self.generate(images, both, draws)
            teacher = self.classifier(images)
        leaf = images.detach().requires_grad_()
        real = discriminator(leaf)
        loss = losses.real_loss(real, target) + losses.fake_loss(discriminator(fakes), both)
        loss = loss + losses.gradient_penalty(real, target, leaf)
        loss = loss + losses.distillation(discriminator(images), teacher)
        self.update(self.optimisers[0], loss)
        generated, fakes = self.generate(images, both, draws)
        own, other = fakes.chunk(2)
        distinct = generated.branches[: len(images), 0]
        self.update(
            self.optimisers[1],
            weights.adversarial * losses.real_loss(discriminator(fakes), both)
            + weights.class_fake * losses.class_fake(self.classifier(fakes), both)
            + weights.reconstruction * losses.reconstruction(images, own, other)
            + weights.distinct_reconstruction * losses.distinct_reconstruction(images, own, distinct)
            + weights.orthogonality * losses.orthogonality(generated.features, BRANCHES),
        )
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.networks.parameters(), strict=True):
                mean.lerp_(new, 1e-3)

    def update(self, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        self.networks.zero_grad()
        loss.backward()
        optimiser.step()


def networks(size: int, width: int | None, device: str) -> Networks:
    return Networks.new(size, CLASSES, branches=BRANCHES, discriminator_width=width).to(device)


def classifier(device: str) -> nn.Module:
    torch.manual_seed(0)
    model = ResNet18(CLASSES).eval().requires_grad_(False)
    return model.to(device, memory_format=torch.channels_last)


def batch(size: int, count: int, device: str) -> tuple[Tensor, Tensor, Draws]:
    images = torch.rand(count, 3, size, size, device=device) * 2 - 1
    target = torch.arange(count, device=device) % CLASSES
    return images, target, Draws.make(target, CLASSES, BRANCHES, 0, 0)


def parts(step: Step, images: Tensor, target: Tensor, draws: Draws) -> dict:
    """The networks' share of a step, each alone, forward and backward as a step needs them."""
    generator, discriminator = step.networks.generator, step.networks.discriminator
    images = images.contiguous(memory_format=torch.channels_last)
    size, both = images.shape[-1], torch.cat([target, draws.other])
    style = torch.randn(len(both), levels(size) + 2, 64, device=images.device)
    fakes = images.repeat(2, 1, 1, 1)
    features = [x.detach().requires_grad_() for x in generator(images, style).features]

    def generate():
        made = generator(images, style)
        torch.autograd.grad(made.branches.sum(), list(generator.parameters()), allow_unused=True)

    def judge_real():
        leaf = images.detach().requires_grad_()
        real = discriminator(leaf)
        loss = losses.real_loss(real, target) + losses.gradient_penalty(real, target, leaf)
        torch.autograd.grad(loss, list(discriminator.parameters()))

    def judge_fake():
        torch.autograd.grad(discriminator(fakes).sum(), list(discriminator.parameters()))

    def input_gradient(network: nn.Module):
        leaf = fakes.detach().requires_grad_()
        torch.autograd.grad(network(leaf).sum(), leaf)

    return {
        "generator": generate,
        "discriminator, real images with R1": judge_real,
        "discriminator, generated images": judge_fake,
        "discriminator, for the generator": lambda: input_gradient(discriminator),
        "classifier": lambda: input_gradient(step.classifier),
        "orthogonality": lambda: torch.autograd.grad(losses.orthogonality(features, BRANCHES), features),
    }


def new_step(kind: str, size: int, width: int | None, device: str) -> PlainStep | Step:
    """A step of one of `STEPS`."""
    nets, model = networks(size, width, device), classifier(device)
    return PlainStep(nets, model) if kind == "plain" else Step(nets, model, Objective(), bf16="bf16" in kind)


def memory(kind: str, size: int, count: int, width: int | None):
    """For `harness.peak_memory`; one step has been made, so that the optimisers' state is there."""
    step, inputs = new_step(kind, size, width, "cpu"), batch(size, count, "cpu")
    step(*inputs)
    return lambda: step(*inputs)


def main() -> None:
    options = harness.options(__doc__)
    keep_freed_memory()  # as `pyxai dxai train` does
    results = harness.begin("dxai", options)
    size, count = (32, 2) if options.quick else (64, 8)
    widths = {"width 32": 32} if options.quick else {"width 32": 32, "published width": None}
    inputs = batch(size, count, options.device)
    for name, width in widths.items():
        steps = {kind: new_step(kind, size, width, options.device) for kind in STEPS}
        functions = {kind: lambda step=step: step(*inputs) for kind, step in steps.items()}
        claims = [Claim("pyxai", "plain", 0.75), Claim("pyxai, bf16", "plain", 0.5)] if width else []
        what = f"{count} images of {size}², {BRANCHES} branches, discriminator of {name}"
        results.add(f"DXAI, one step, {what}", interleave(functions, options.rounds), *claims)
        alone = {"step": functions["pyxai"], **parts(steps["pyxai"], *inputs)}
        results.add(f"DXAI, parts of a step, {what}", interleave(alone, options.rounds))
        if options.device == "cpu" and not options.quick:
            for kind in STEPS:
                used = harness.peak_memory(
                    "benchmarks.bench_dxai:memory", kind=kind, size=size, count=count, width=width
                )
                results.state(f"DXAI, memory of one step, {what}, {kind}", used.added / 2**20, "MiB")
    harness.finish(results, options)


if __name__ == "__main__":
    main()
