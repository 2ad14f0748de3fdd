"""LeGrad."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from pyxai.attention.legrad import LeGrad as OfGraph
from pyxai.capture.executor import Executor
from pyxai.checks import expect, shown
from pyxai.methods.attention.by_attention import ByAttention, Explain, TokenMaps

_DEFAULTS: dict[str, dict[str, Any]] = {
    "slides": {"blocks": "all", "normalize": "none"},
    "authors": {"blocks": 2, "normalize": "min_max"},
}


class LeGrad(ByAttention):
    """Where more attention would raise the score of each block's tokens (slides; Bousselham et al. 2025).

    The tokens that block l passes on are pooled and scored, which is the prediction ȳ^l. The map of the block
    is the mean over heads and query tokens of the positive part of ∂ȳ^l/∂A^l, the gradient by its attention,
    for each patch; the map of the model is the mean of those of its blocks. ``extras`` has ``block_maps``,
    (N, L, h, w), and ``block_scores``, (N, L), the ȳ^l of the L blocks, in order.

    Attributes:
        variant: ``slides`` takes all blocks and leaves the map as it is; ``authors``, as the authors' code
            does, the last two and scales to [0, 1]. Options that are given stand.
        blocks: How many of the last blocks are taken, or ``all``; None for that of the variant.
        pooling: How the tokens of a block become what is scored: their ``mean``, class tokens and registers
            included; or as the ``model`` pools them at its end, by its class token for one. ``attention`` is
            for models that pool by attention, as SigLIP does: the gradient is by the attention of the pooler.
        head: What scores them: the head of the ``model``, from its final norm on; or their bare ``product``
            with ``prompts``, which must have the width of the tokens.
        prompts: Vectors (P, d), with a row for each prompt, for models that return features: the classes are
            then the prompts, scored by the products with the unit vector of the features. None for the
            classes of the model.
        normalize: As below; ``variant`` for that of the variant.
    """

    name = "legrad"

    variant: Literal["slides", "authors"] = "slides"
    blocks: int | Literal["all"] | None = None
    pooling: Literal["mean", "model", "attention"] = "mean"
    head: Literal["model", "product"] = "model"
    prompts: Tensor | None = None
    normalize: Literal["variant", "none", "min_max", "max"] = "variant"

    def settle(self) -> None:
        super().settle()
        self.fill_in(_DEFAULTS[self.variant])
        whole = isinstance(self.blocks, int) and not isinstance(self.blocks, bool) and self.blocks > 0
        wanted = "be 'all' or a positive whole number"
        expect(whole or self.blocks == "all", "blocks", wanted, shown(self.blocks))
        given = isinstance(self.prompts, Tensor)
        expect(given or self.prompts is None, "prompts", "be a tensor (P, d)", shown(self.prompts), TypeError)
        if given:
            fits = self.prompts.ndim == 2 and self.prompts.is_floating_point() and self.prompts.numel() > 0
            got = f"{tuple(self.prompts.shape)} of {self.prompts.dtype}"
            expect(fits, "prompts", "be floating vectors (P, d)", got)
            expect(bool(torch.isfinite(self.prompts).all()), "prompts", "be finite", "NaN or infinity")
        wanted = "be given for the head 'product'"
        expect(given or self.head == "model", "prompts", wanted, None)

    def scores_per_image(self, outputs: int) -> int:
        return outputs if self.prompts is None else len(self.prompts)

    def prepare(self, executor: Executor) -> Explain:
        program = executor.program
        graph, like = program.forward, program.survey.image
        stream = self.stream(executor, graph, program.attention())
        last = None if self.blocks == "all" else self.blocks
        prompts = None if self.prompts is None else self.prompts.detach().to(like.device, like.dtype)
        found = OfGraph(graph, stream, self.pooling, last, prompts, self.head == "product")

        def explain(images, choose, count):
            blocks = found.maps(images, choose, count)
            maps = [of_target.mean(1) for of_target in blocks.maps]
            extras = {"block_maps": blocks.maps, "block_scores": blocks.predictions}
            return TokenMaps(maps, blocks.target, blocks.score, extras)

        return explain
