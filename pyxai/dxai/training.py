"""Training, from a recipe to a checkpoint that a killed run continues from bit for bit.

Nothing random is kept: the images of a step, their augmentation and its draws are functions of the seed and
the step's number. With the optimisers' moments, weights and their average, that number is the whole state.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn

from pyxai.checks import expect, non_negative, one_of, whole
from pyxai.dxai.data import (
    AUGMENTATIONS,
    BalancedOrder,
    LabelledImages,
    OfUnitRange,
    Range,
    augment,
    augmentation_draws,
)
from pyxai.dxai.decomposition import Decomposition, decompose
from pyxai.dxai.losses import Objective
from pyxai.dxai.step import DIVERGED, Diverged, Draws, Networks, Step

FORMAT = 1
CHECKPOINT = "checkpoint.pt"
CLASSIFIER = "classifier.pt"  # where one is trained before the generators
LOG = "log.csv"
SAMPLES = 16  # images of a report, at most
LEAST_DISTINCT = 0.01  # of the images' mean magnitude: below, the distinct part shows nothing


class RecipeMismatch(ValueError):
    """A checkpoint was made by another recipe."""


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights after a number of steps.

    Args:
        size: of the images in pixels.
        classes: their names.
        classifier: which one is explained, as text; ``"discriminator"`` for C = D.
        data: which images, as text.
        black, white: pixels in the classifier's input, one value for each channel.
        channels: their order, ``RGB``, ``BGR`` or ``L``.
        branches, input_norm: see :class:`pyxai.dxai.networks.Generator`.
        generator_width: its ``width``, published as 7.
        discriminator_width: see :class:`pyxai.dxai.networks.Discriminator`.
        objective: weights and forms of the losses.
        batch: images of a step.
        accumulate: parts they are worked on in, to save memory.
        rate, mapping_rate, decay: see :class:`pyxai.dxai.step.Step`.
        bf16: mixed precision.
        augmentation: ``none``, ``flip`` or ``dihedral`` (as published).
        seed: of the weights, the order of the images and every draw.
    """

    size: int
    classes: tuple[str, ...]
    classifier: str
    data: str = ""
    black: tuple[float, ...] = (-1.0, -1.0, -1.0)
    white: tuple[float, ...] = (1.0, 1.0, 1.0)
    channels: str = "RGB"
    branches: int = 5
    generator_width: int = 7
    input_norm: bool = True
    discriminator_width: int | None = None
    objective: Objective = field(default_factory=Objective)
    batch: int = 8
    accumulate: int = 1
    rate: float = 1e-4
    mapping_rate: float = 1e-6
    decay: float = 0.999
    bf16: bool = False
    augmentation: str = "flip"
    seed: int = 0

    def __post_init__(self):
        whole("batch", self.batch, 1)
        whole("accumulate", self.accumulate, 1)
        whole("seed", self.seed, 0)
        one_of("augmentation", self.augmentation, AUGMENTATIONS)
        for name in ("rate", "mapping_rate", "decay"):
            non_negative(name, getattr(self, name))
        expect(self.decay <= 1, "decay", "be at most 1", self.decay)
        requirement = f"be a multiple of {self.accumulate}, the number of parts"
        expect(self.batch % self.accumulate == 0, "batch", requirement, self.batch)
        with torch.device("meta"):  # the rest, without the work
            self.networks()

    @property
    def range(self) -> Range:
        return Range(self.black, self.white)

    def as_json(self) -> dict[str, Any]:
        """Plain values, as a checkpoint holds them."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @staticmethod
    def from_json(values: dict[str, Any]) -> Recipe:
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return Recipe(**{**values, **lists, "objective": Objective(**values["objective"])})

    def networks(self) -> Networks:
        """Untrained networks."""
        return Networks.new(
            self.size,
            len(self.classes),
            len(self.black),
            branches=self.branches,
            generator_width=self.generator_width,
            input_norm=self.input_norm,
            discriminator_width=self.discriminator_width,
            seed=self.seed,
        )


@dataclass(frozen=True)
class Progress:
    """What a training says of itself now and then.

    Attributes:
        iteration: steps done.
        seconds: spent on them, by all processes that worked on the run one after the other.
        speed: steps in a second, of this process.
        losses: means over the steps since the last report (of this process's images).
        quality: of the averaged networks on the sample images: ``psnr`` in decibels; ``distinct``, the mean
            magnitude of the distinct part over that of the image; ``agnostic``, how far the explained
            classifier's probabilities for the agnostic part are from equal, the mean distance from 1/c.
        images, sample: the sample images, in the generators' range, and their decomposition.
        complaint: what looks wrong; "" if nothing does.
    """

    iteration: int
    seconds: float
    speed: float
    losses: dict[str, float]
    quality: dict[str, float]
    images: Tensor
    sample: Decomposition
    complaint: str


class Training:
    """A training in a folder ``out``, begun or continued.

    Args:
        recipe: what to do.
        data: images and classes as the recipe has them.
        classifier: C on its own inputs, frozen and in evaluation mode; None for C = D.
        out: folder for ``checkpoint.pt`` and ``log.csv``.
        device: where to train.
        resume: continue from the checkpoint if there is one.

    Raises:
        RecipeMismatch: the checkpoint is of another recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: LabelledImages,
        classifier: nn.Module | None,
        out: Path,
        *,
        device: str = "cpu",
        resume: bool = False,
    ):
        self.recipe, self.data, self.out, self.device = recipe, data, Path(out), torch.device(device)
        self._rank, processes = _processes()
        share, parts = recipe.batch // processes, processes * recipe.accumulate
        requirement = f"be a multiple of {parts}, the number of parts"
        expect(recipe.batch % parts == 0, "batch", requirement, recipe.batch)
        self._own = slice(self._rank * share, (self._rank + 1) * share)
        self._classify = None if classifier is None else OfUnitRange(classifier, recipe.range)
        self.step = Step(
            recipe.networks().to(self.device),
            self._classify,
            recipe.objective,
            rate=recipe.rate,
            mapping_rate=recipe.mapping_rate,
            decay=recipe.decay,
            bf16=recipe.bf16,
            accumulate=recipe.accumulate,
        )
        self._order = BalancedOrder(data.labels, recipe.seed)
        if resume and (self.out / CHECKPOINT).exists():
            self._load()

    @property
    def iteration(self) -> int:
        """Steps done."""
        return self.step.done

    def run(self, iterations: int, *, report_every: int = 100, minutes: float = 5.0) -> Iterator[Progress]:
        """Train until ``iterations`` steps are done.

        A checkpoint is written every ``minutes`` and at the end, a report given every ``report_every`` steps.

        Raises:
            Diverged: a loss or a weight is not finite; the last checkpoint stays.
        """
        whole("iterations", iterations, 1)
        whole("report_every", report_every, 1)
        self.out.mkdir(parents=True, exist_ok=True)
        before, first = self._forget_later_rows(), self.iteration
        began = saved = time.monotonic()
        steps, total = 0, {}
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self._batch, self.iteration)
            while self.iteration < iterations:
                images, target = coming.result()
                coming = ahead.submit(self._batch, self.iteration + 1)
                for name, value in self._advance(images, target).items():
                    total[name] = total.get(name, 0.0) + value
                steps += 1
                done = self.iteration >= iterations
                if self.iteration % report_every == 0 or done:
                    losses = {name: value / steps for name, value in total.items()}
                    seconds = time.monotonic() - began
                    yield self._report(losses, before + seconds, (self.iteration - first) / seconds)
                    steps, total = 0, {}
                if done or time.monotonic() - saved > 60 * minutes:
                    self.save()
                    saved = time.monotonic()

    def _batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """This process's images of a step, in the generators' range, and the classes of all processes'."""
        recipe = self.recipe
        rows = self._order.rows(iteration * recipe.batch, recipe.batch)
        draws = augmentation_draws(recipe.batch, recipe.seed, iteration)
        images, _ = self.data.batch(rows[self._own])
        images = augment(recipe.range.unit(images), recipe.augmentation, draws[self._own])
        return images.to(self.device), torch.from_numpy(self.data.labels[rows]).to(self.device)

    def _advance(self, images: Tensor, target: Tensor) -> dict[str, float]:
        recipe = self.recipe
        draws = Draws.make(target, len(recipe.classes), recipe.branches, recipe.seed, self.iteration)
        try:
            losses = self.step(images, target[self._own], draws.split(len(images))[self._rank])
        except Diverged as error:
            raise Diverged(f"{error} at step {self.iteration + 1}") from None
        return losses

    def _report(self, losses: dict[str, float], seconds: float, speed: float) -> Progress:
        count = min(2 * len(self.recipe.classes), SAMPLES)
        rows = BalancedOrder(self.data.labels, 0).rows(0, count)
        images, target = self.data.batch(rows)
        images, target = self.recipe.range.unit(images).to(self.device), target.to(self.device)
        average = self.step.average
        sample = decompose(average, images, target)
        with torch.no_grad():
            classify = average.discriminator if self._classify is None else self._classify
            probabilities = classify(sample.agnostic).softmax(1)
        quality = {
            "psnr": sample.psnr().mean().item(),
            "distinct": (sample.distinct.abs().mean() / images.abs().mean()).item(),
            "agnostic": (probabilities - 1 / len(self.recipe.classes)).abs().mean().item(),
        }
        complaint = ""
        if not quality["psnr"] < float("inf"):
            complaint = f"{DIVERGED}: the images made are not finite"
        elif quality["distinct"] < LEAST_DISTINCT:
            complaint = f"collapse: the distinct part has {quality['distinct']:.1%} of the image's magnitude"
        if self._rank == 0:
            self._log({"iteration": self.iteration, "seconds": round(seconds, 3), **losses, **quality})
        return Progress(self.iteration, seconds, speed, losses, quality, images, sample, complaint)

    def _log(self, row: dict[str, float]) -> None:
        path = self.out / LOG
        new = not path.exists()
        with open(path, "a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def save(self) -> None:
        """Write the checkpoint beside the old one and put it in its place."""
        state = {
            "format": FORMAT,
            "recipe": self.recipe.as_json(),
            "iteration": self.iteration,
            "networks": self.step.networks.state_dict(),
            "average": self.step.average.state_dict(),
            "generator_optimiser": self.step.generator_optimiser.state_dict(),
            "discriminator_optimiser": self.step.discriminator_optimiser.state_dict(),
        }
        for name, weight in state["networks"].items():
            if not weight.isfinite().all():
                raise Diverged(f"{DIVERGED}: {name} is not finite at step {self.iteration}")
        if self._rank == 0:
            building = self.out / f".{CHECKPOINT}"
            with open(building, "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            building.replace(self.out / CHECKPOINT)

    def _load(self) -> None:
        state = load_checkpoint(self.out, self.device)
        wanted = self.recipe.as_json()
        differing = [name for name, value in wanted.items() if state["recipe"].get(name) != value]
        if differing:
            texts = [f"{name} {state['recipe'].get(name)!r}, not {wanted[name]!r}" for name in differing]
            raise RecipeMismatch(f"{self.out / CHECKPOINT} was made with {'; '.join(texts)}")
        self.step.done = state["iteration"]
        self.step.networks.load_state_dict(state["networks"])
        self.step.average.load_state_dict(state["average"])
        self.step.generator_optimiser.load_state_dict(state["generator_optimiser"])
        self.step.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])

    def _forget_later_rows(self) -> float:
        """Drop what the log says of steps that are still to be done, or were lost with a process; the seconds
        it has for the others.
        """
        path = self.out / LOG
        if self._rank or not path.exists():
            return 0.0
        with open(path, newline="") as file:
            rows = list(csv.reader(file))
        kept = [row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) <= self.iteration]
        if not kept:
            path.unlink()
            return 0.0
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([rows[0], *kept])
        return float(kept[-1][1])


def load_checkpoint(run: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """What ``checkpoint.pt`` of a training's folder holds.

    Raises:
        ValueError: there is none, or it is not one.
    """
    path = Path(run) / CHECKPOINT
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"no {CHECKPOINT} in {run}") from None
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise ValueError(f"cannot read {path}: {error}") from None
    found = state.get("format") if isinstance(state, dict) else None
    if found != FORMAT:
        raise ValueError(f"{path} has the format {found}, not {FORMAT}")
    return state


def _processes() -> tuple[int, int]:
    """This process's rank and their number."""
    if not torch.distributed.is_initialized():
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
