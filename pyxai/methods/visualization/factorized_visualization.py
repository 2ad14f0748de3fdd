"""Pictures of groups that a layer's values fall into by where they are active together."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.grid import Layout
from pyxai.checks import expect, whole
from pyxai.methods.blocks import by_blocks
from pyxai.methods.neuron.one_layer import OneLayer
from pyxai.methods.request import Maps, Request
from pyxai.methods.visualization.optimised import Optimised
from pyxai.visualization import factorize


class FactorizedVisualization(Optimised, OneLayer):
    """A picture of each group of a layer's channels that are active together (Olah et al. 2018).

    The values A of an image at the layer are factorized, A ≈ Σ_g s_g ⊗ c_g with maps s_g ≥ 0 of where a group
    is active and c_g ≥ 0 of which channels it has; negative values count as 0. The picture of a group is
    optimised so that Σ_xy ⟨f(X)_xy, c_g⟩ is large, without a mask. The attribution of a group is Σ (s_g ⊗
    c_g) ⊙ ∂S/∂A.

    The map is the picture, in [0, 1], of the group with the largest attribution. ``extras`` has all of them:
    ``pictures`` (N, G, C, H, W), ``spatial`` (N, G, h, w), the maps s_g where c_g has the norm 1, and
    ``group_attribution`` (N, G). Factors are found by scikit-learn, which comes with the extra
    ``surrogates``.

    Attributes:
        groups: The number of groups, G.
    """

    name = "factorized_visualization"
    host = "scikit-learn factorizes the layer's values"

    groups: int = 6

    def settle(self) -> None:
        super().settle()
        whole("groups", self.groups, 1)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images, name = request.images, executor.layer
        layout, ends = executor.program.survey.layout(name), self.ends(request.images)
        expect(len(layout.size) == 2, "layer", "have rows and columns", f"{len(layout.size)} axes")
        read = self._read(executor, request, layout)
        spatial, channels = factorize(read.extras["maps"][0], self.groups)
        pictures = torch.stack(
            [self._pictures(executor, request, layout, own, ends) for own in channels.unbind(1)], 1
        )
        attributions = [_group_attributions(spatial, channels, gradient) for gradient in read.attribution]
        rows, count = torch.arange(len(images), device=images.device), len(attributions)
        return Maps(
            attribution=[pictures[rows, own.argmax(1)] for own in attributions],
            target=read.target,
            score=read.score,
            evaluations=read.evaluations + self.steps * self.groups,
            extras={
                "pictures": [pictures] * count,
                "spatial": [spatial] * count,
                "group_attribution": attributions,
            },
        )

    @staticmethod
    def _read(executor: Executor, request: Request, layout: Layout) -> Maps:
        """The gradients of T scores by the layer's maps, (N, K, h, w) each, and as an extra the maps."""
        name = executor.layer

        def explain(rows: slice) -> Maps:
            part = request[rows]
            values, gradients, scores, classes = executor.layer_gradients(
                part.images, (name,), part.target.choose
            )
            by_maps = [layout.maps(gradient) for gradient in gradients[name]]
            extras = {"maps": [layout.maps(values[name]).to(request.images.dtype)]}
            return Maps(by_maps, classes, scores, torch.ones_like(part.ids), extras=extras)

        return by_blocks(executor, request.images, explain)

    def _pictures(
        self, executor: Executor, request: Request, layout: Layout, channels: Tensor, ends: list[Tensor]
    ) -> Tensor:
        """Pictures (N, C, H, W) of one group of each image, by its channels (N, K)."""
        name, images = executor.layer, request.images
        everywhere = channels[:, :, None, None].expand(-1, -1, *layout.size)
        weights = layout.values(everywhere, executor.layer_shape(name)).flatten(1)
        units = executor.of_units(name, None)
        found = self.how.of_scores(units, weights, request.ids, tuple(images.shape[1:]), *ends)
        return found.picture.to(images.dtype)


def _group_attributions(spatial: Tensor, channels: Tensor, gradient: Tensor) -> Tensor:
    """Σ (s_g ⊗ c_g) ⊙ gradient of each image by itself, (N, G) float64."""
    found = []
    for own in zip(spatial.double(), channels.double(), gradient.double(), strict=True):
        by_group = own[1] @ own[2].flatten(1)
        found.append((own[0].flatten(1) * by_group).sum(1))
    return torch.stack(found)
