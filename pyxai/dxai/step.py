"""One step of training: the discriminator's turn, then the generators'.

What makes it cheaper than its formulas, without changing a value: the generated images of the discriminator's
turn serve the generators' turn too; the encoder, which does not see the class, runs once for both classes;
and one pass of the discriminator over the real images gives the adversarial loss, the distillation and R1.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from pyxai.dxai import losses
from pyxai.dxai.blocks import wide
from pyxai.dxai.losses import Objective
from pyxai.dxai.networks import LATENT, Discriminator, Generated, Generator, Mapping, initialise

DIVERGED = "training diverged"


class Diverged(RuntimeError):
    """A loss or a weight is no longer a number."""


class Networks(nn.Module):
    """What is trained together: ``generator``, ``mapping`` and ``discriminator``."""

    def __init__(self, generator: Generator, mapping: Mapping, discriminator: Discriminator):
        super().__init__()
        self.generator = generator
        self.mapping = mapping
        self.discriminator = discriminator
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def new(
        size: int,
        classes: int,
        channels: int = 3,
        *,
        branches: int = 5,
        generator_width: int = 7,
        input_norm: bool = True,
        discriminator_width: int | None = None,
        seed: int = 0,
    ) -> Networks:
        """Untrained networks; torch's own random state stays as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return initialise(
                Networks(
                    Generator(size, branches, channels, width=generator_width, input_norm=input_norm),
                    Mapping(size, classes),
                    Discriminator(size, classes, channels, discriminator_width),
                )
            )


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step: ``noise`` (2 N, 16) of the images' own and other classes, ``alpha``
    (N, n - 1), ``other`` (N,) classes.
    """

    noise: Tensor
    alpha: Tensor
    other: Tensor

    @staticmethod
    def make(target: Tensor, classes: int, branches: int, seed: int, iteration: int) -> Draws:
        """A function of the arguments, so that no random state needs to be kept: target (N,) of the images.

        The other class is uniform among those that are not the target.
        """
        generator = numbered_generator(seed, iteration)
        rows = len(target)
        noise = torch.randn(2 * rows, LATENT, generator=generator)
        alpha = torch.rand(rows, branches - 1, generator=generator)
        ahead = torch.randint(1, classes, (rows,), generator=generator)
        device = target.device
        return Draws(noise.to(device), alpha.to(device), (target + ahead.to(device)) % classes)

    def split(self, size: int) -> list[Draws]:
        """Those of every ``size`` images."""
        own, other = self.noise.chunk(2)
        noise = [torch.cat(pair) for pair in zip(own.split(size), other.split(size), strict=True)]
        rest = zip(noise, self.alpha.split(size), self.other.split(size), strict=True)
        return [Draws(*parts) for parts in rest]


def numbered_generator(*numbers: int) -> torch.Generator:
    """A generator on the CPU whose state is a function of the numbers."""
    low, high = np.random.SeedSequence(numbers).generate_state(2)
    return torch.Generator().manual_seed(int(high) << 32 | int(low))


@dataclass
class _Part:
    """The images of one pass, (N, C, H, W), their classes (N,), and their draws."""

    images: Tensor
    target: Tensor
    draws: Draws

    @property
    def both(self) -> Tensor:
        """(2 N,): the images' own and other classes."""
        return torch.cat([self.target, self.draws.other])


class Step:
    """Trains ``networks`` by one step a call.

    Args:
        networks: changed in place.
        classifier: the explained classifier C, frozen and in evaluation mode, from images of the range of the
            generators to logits (N, c). None: the discriminator itself is explained, and learns to classify.
        objective: weights and forms of the losses.
        rate: Adam's learning rate for generator and discriminator (β = (0, 0.99), weight decay 1e-4).
        mapping_rate: for the mapping network.
        decay: of the moving average of the weights; step t takes min(decay, (1 + t) / (10 + t)), so that the
            average forgets the untrained weights within the first steps.
        bf16: run the networks in bfloat16; weights, losses and optimiser stay float32.
        accumulate: parts into which a batch is split to save memory.
        share: use the generated images of the discriminator's turn again; not done for several parts, whose
            graphs would all have to be kept.

    Attributes:
        average: the moving average of ``networks``, begun as a copy of them: what explanations are made with.
        done: steps made.
    """

    def __init__(
        self,
        networks: Networks,
        classifier: nn.Module | None,
        objective: Objective,
        *,
        rate: float = 1e-4,
        mapping_rate: float = 1e-6,
        decay: float = 0.999,
        bf16: bool = False,
        accumulate: int = 1,
        share: bool = True,
    ):
        self.networks, self.classifier, self.objective = networks, classifier, objective
        self.average = copy.deepcopy(networks).requires_grad_(False)
        self.bf16, self.accumulate = bf16, accumulate
        self.share = share and accumulate == 1
        common = {"betas": (0.0, 0.99), "weight_decay": 1e-4, "fused": True}
        generator, mapping, discriminator = (list(part.parameters()) for part in networks.children())
        self.generator_optimiser = torch.optim.Adam(
            [{"params": generator, "lr": rate}, {"params": mapping, "lr": mapping_rate}], **common
        )
        self.discriminator_optimiser = torch.optim.Adam(discriminator, lr=rate, **common)
        self._parameters = generator + mapping, discriminator
        self._averaged = list(self.average.parameters())
        self.decay, self.done = decay, 0

    def __call__(self, images: Tensor, target: Tensor, draws: Draws) -> dict[str, float]:
        """One step on images (N, C, H, W) of classes (N,); the losses by name, unweighted.

        Raises:
            Diverged: a loss is not finite. The weights are as they were before the turn it appeared in.
        """
        images = images.contiguous(memory_format=torch.channels_last)
        rows = -(-len(images) // self.accumulate)
        parts = [
            _Part(*part)
            for part in zip(images.split(rows), target.split(rows), draws.split(rows), strict=True)
        ]
        generating, discriminating = self._parameters
        kept, found = [], []
        gradients = _Gradients(discriminating)
        for part in parts:
            with torch.set_grad_enabled(self.share):
                kept.append(self._generate(part))
            terms = self._discriminator_losses(part, kept[-1][1].detach())
            gradients.add(_total(terms), len(part.images) / len(images))
            found.append(terms)
        report = _means(found)
        gradients.apply(self.discriminator_optimiser)

        gradients, found = _Gradients(generating), []
        for part, (generated, fakes) in zip(parts, kept, strict=True):
            if not self.share:
                generated, fakes = self._generate(part)
            terms = self._generator_losses(part, generated, fakes)
            gradients.add(_total(terms), len(part.images) / len(images))
            found.append(terms)
        report |= _means(found)
        gradients.apply(self.generator_optimiser)
        self._average()
        return report

    def _average(self) -> None:
        self.done += 1
        decay = min(self.decay, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            get_ema_multi_avg_fn(decay)(self._averaged, list(self.networks.parameters()), None)

    def _cast(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)

    def _generate(self, part: _Part) -> tuple[Generated, Tensor]:
        """Branch images for both classes, and the images of Eq. 5, own class first, (2 N, C, H, W)."""
        networks = self.networks
        with self._cast(part.images.device):
            style = networks.mapping(part.draws.noise, part.both)
            generated = networks.generator(part.images, style)
        own, other = wide(generated.branches).chunk(2)
        fakes = losses.blend(own, other, part.draws.alpha, self.objective.zero_distinction)
        return generated, torch.cat(fakes).contiguous(memory_format=torch.channels_last)

    def _logits(self, network: nn.Module, images: Tensor) -> Tensor:
        with self._cast(images.device):
            return wide(network(images))

    def _discriminator_losses(self, part: _Part, fakes: Tensor) -> dict[str, tuple[float, Tensor]]:
        objective, discriminator = self.objective, self.networks.discriminator
        images = part.images.detach().requires_grad_()
        real = self._logits(discriminator, images)
        fake = self._logits(discriminator, fakes)
        terms = {
            "real": (1.0, losses.real_loss(real, part.target)),
            "fake": (1.0, losses.fake_loss(fake, part.both)),
        }
        if objective.gradient_penalty:
            penalty = losses.gradient_penalty(real, part.target, images)
            terms["gradient_penalty"] = (objective.gradient_penalty, penalty)
        if self.classifier is None:
            terms["classification"] = (1.0, losses.class_fake(real, part.target))
        elif objective.distillation:
            with torch.no_grad():
                teacher = self._logits(self.classifier, part.images)
            terms["distillation"] = (objective.distillation, losses.distillation(real, teacher))
        return terms

    def _generator_losses(
        self, part: _Part, generated: Generated, fakes: Tensor
    ) -> dict[str, tuple[float, Tensor]]:
        objective, target = self.objective, part.both
        own, other = fakes.chunk(2)
        terms = {}
        judged = self._logits(self.networks.discriminator, fakes)
        classified = judged if self.classifier is None else self._logits(self.classifier, fakes)
        terms["adversarial"] = (objective.adversarial, losses.real_loss(judged, target))
        terms["class_fake"] = (
            objective.class_fake,
            losses.class_fake(classified, target, objective.temperature),
        )
        terms["reconstruction"] = (
            objective.reconstruction,
            losses.reconstruction(part.images, own, other, objective.distance),
        )
        if objective.distinct_reconstruction:
            distinct = wide(generated.branches[: len(part.images), 0])
            loss = losses.distinct_reconstruction(
                part.images, own, distinct, objective.distance, objective.mask
            )
            terms["distinct_reconstruction"] = (objective.distinct_reconstruction, loss)
        if objective.orthogonality:
            branches = generated.branches.shape[1]
            loss = losses.orthogonality(generated.features, branches, objective.correlation)
            terms["orthogonality"] = (objective.orthogonality, loss)
        return terms


class _Gradients:
    """Sums of gradients by ``parameters``; nothing is left in any ``.grad`` but theirs, and that only for the
    optimiser.
    """

    def __init__(self, parameters: Sequence[Tensor]):
        self.parameters = parameters
        self.sums: list[Tensor] | None = None

    def add(self, loss: Tensor, share: float) -> None:
        new = torch.autograd.grad(share * loss, self.parameters)
        if self.sums is None:
            self.sums = list(new)
        else:
            self.sums = [total.add_(more) for total, more in zip(self.sums, new, strict=True)]

    def apply(self, optimiser: torch.optim.Optimizer) -> None:
        """One step of the optimiser, with the mean over all processes."""
        if torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1:
            self._average()
        for parameter, gradient in zip(self.parameters, self.sums, strict=True):
            # The fused optimiser goes through memory, so the two must lie there in the same order.
            same = gradient.stride() == parameter.stride()
            parameter.grad = gradient if same else torch.empty_like(parameter).copy_(gradient)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    def _average(self) -> None:
        flat = torch.cat([gradient.flatten() for gradient in self.sums])
        torch.distributed.all_reduce(flat)
        flat /= torch.distributed.get_world_size()
        pieces = flat.split([gradient.numel() for gradient in self.sums])
        self.sums = [new.view_as(old) for new, old in zip(pieces, self.sums, strict=True)]


def _total(terms: dict[str, tuple[float, Tensor]]) -> Tensor:
    return sum(weight * loss for weight, loss in terms.values())


def _means(parts: list[dict[str, tuple[float, Tensor]]]) -> dict[str, float]:
    """Every loss averaged over the parts; :class:`Diverged` if one is not finite."""
    names = list(parts[0])
    table = torch.stack([torch.stack([part[name][1].detach() for name in names]) for part in parts])
    means = dict(zip(names, table.mean(0).tolist(), strict=True))
    wrong = [name for name, value in means.items() if not abs(value) < float("inf")]
    if wrong:
        raise Diverged(f"{DIVERGED}: the {wrong[0].replace('_', ' ')} loss is {means[wrong[0]]}")
    return means
