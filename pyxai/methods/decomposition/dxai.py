"""Decomposition into class-distinct and class-agnostic parts: see :mod:`pyxai.dxai`."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.checks import expect, whole
from pyxai.dxai.decomposition import decompose
from pyxai.dxai.step import Networks
from pyxai.dxai.trained import trained
from pyxai.dxai.training import Recipe
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class DXAI(Method):
    """What of the image tells its class, by generators trained for it (Kadar & Gilboa 2023).

    The map is ψ_distinct, in the units of the model's input. ``extras`` hold ``agnostic``, ``missing`` (what
    the generators do not reproduce: the three sum to the image) and ``psnr`` (of what they do, in decibels).

    Attributes:
        run: The folder that `pyxai dxai train` made for this model.
        samples: The number of random styles given to the generators; the parts are averaged over them.
        seed: The seed of the styles, which are the same for every image.
    """

    name = "dxai"
    needs = Needs.SCORES
    keep = "attribution"

    run: str = ""
    samples: int = 1
    seed: int = 0

    def settle(self) -> None:
        expect(bool(self.run), "run", "be the folder of a training", repr(self.run))
        whole("samples", self.samples, 1)
        whole("seed", self.seed, 0)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images = request.images
        recipe, networks = trained(self.run, images.device)
        shape = (len(recipe.black), recipe.size, recipe.size)
        requirement = f"have shape (N, {', '.join(map(str, shape))}), as {self.run} was trained for"
        expect(tuple(images.shape[1:]) == shape, "images", requirement, tuple(images.shape))
        scores = executor.scores(images)
        count = len(recipe.classes)
        requirement = f"have the {count} classes {self.run} was trained for"
        expect(scores.shape[1] == count, "model", requirement, scores.shape[1])
        classes = request.target.choose(scores)
        parts = [self._parts(executor, recipe, networks, images, target) for target in classes.unbind(1)]
        return Maps(
            attribution=[part.pop("distinct") for part in parts],
            target=classes,
            score=scores.gather(1, classes),
            evaluations=torch.zeros(len(images), dtype=torch.int64, device=images.device),
            extras={name: [part[name] for part in parts] for name in parts[0]},
        )

    def _parts(
        self, executor: Executor, recipe: Recipe, networks: Networks, images: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        """The parts of the images for one class each, in calls of as many rows as the model's."""
        span, found = recipe.range, []
        for rows in executor.blocks(len(images)):
            own = images[rows]
            filled, classes = executor.fill(own.float()), executor.fill(target[rows])
            parts = decompose(networks, span.unit(filled), classes, samples=self.samples, seed=self.seed)
            found.append(
                {
                    "distinct": span.scaled(parts.distinct)[: len(own)].to(images.dtype),
                    "agnostic": span.input(parts.agnostic)[: len(own)].to(images.dtype),
                    "missing": span.scaled(parts.residual)[: len(own)].to(images.dtype),
                    "psnr": parts.psnr()[: len(own)],
                }
            )
        return {name: torch.cat([part[name] for part in found]) for name in found[0]}
