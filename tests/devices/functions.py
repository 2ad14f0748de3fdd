"""What else of the package takes tensors, on the pretended GPU."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pyxai
from pyxai import engine, metrics, saliency
from pyxai.methods import build
from tests import unfriendly
from tests.devices.device import pretended
from tests.devices.rows import Row
from tests.propagation import test_operations_of_all_sorts as sorts

Function = Callable[[str], list[Tensor]]


def _explainer(device: str, method: str = "gradient", **options) -> pyxai.Explainer:
    return pyxai.Explainer(unfriendly.build("Gate").to(device), method, rows=4, **options)


def targets(device: str) -> list[Tensor]:
    """Targets, ids and names, which are the caller's and lie on the host."""
    images, explainer = unfriendly.images(2).to(device), _explainer(device, class_names=[*"abcde"])
    given = ("top2", "a,c", 1, [1, 0], torch.tensor([[1, 0], [2, 3]]), lambda output: output.square().sum())
    return [explainer(images, target, ids=[7, 3]).attribution for target in given]


def bf16(device: str) -> list[Tensor]:
    """Gradients in bfloat16."""
    images = unfriendly.images(2, torch.float32).to(device)
    model = unfriendly.build("Gate", torch.float32).to(device)
    return [pyxai.explain(model, images, "integrated_gradients", steps=2, precision="bf16").attribution]


def explanations(device: str) -> list[Tensor]:
    """What can be done with an explanation."""
    found = _explainer(device)(unfriendly.images(2).to(device))
    found.plot(), found.numpy(), found.to("cpu"), repr(found)
    parts = [found[1], found[[0, 1]], found[torch.tensor([False, True])]]
    return [part.attribution for part in parts] + [
        found.heatmap(how) for how in ("sum", "abs_sum", "abs_max")
    ]


def reports(device: str) -> list[Tensor]:
    """What each layer did with relevance."""
    report = _explainer(device, "lrp").report(unfriendly.images(2).to(device))
    str(report)
    return [report.bias_share, *(layer.lost for layer in report.layers)]


_NOT_TRACED = "overwritten"  # torch built for CPUs traces a number that is written in place as one of the CPU


class _SideBySide(nn.Module):
    """Each operation that may stand between the layers of a network."""

    def __init__(self):
        super().__init__()
        self.conv, self.query, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(8, 8), nn.LazyLinear(5)
        self.register_buffer("numbers", sorts.SIEVE)

    def forward(self, x: Tensor) -> Tensor:
        x, numbers = self.conv(x), self.numbers
        with mock.patch.multiple(sorts, SIEVE=numbers, ROW=numbers[0, 0], MATRIX=numbers[:, 0, :6]):
            values = [operation(x) for name, operation in sorts.OPERATIONS.items() if name != _NOT_TRACED]
        values += [
            F.scaled_dot_product_attention(self.query(x), x, x, is_causal=last) for last in (False, True)
        ]
        values += [F.pad(x, (1, 1, 1, 1), value=0.5), *x.chunk(2, 1), *x.unbind(2)]
        return self.head(torch.stack([value.flatten(1).mean(1) for value in values], 1))


def operations(device: str) -> list[Tensor]:
    """Relevance and differences through all of them."""
    torch.manual_seed(0)
    model = _SideBySide().double().eval()
    model(sorts.pixels())
    model, images = model.to(device), sorts.pixels(2).to(device)
    explainer, found = pyxai.Explainer(model, "lrp"), []  # one, so that the network is captured once
    for name, options in (("lrp", {}), ("lrp", {"bias": "spread"}), ("deeplift", {"rule": "reveal_cancel"})):
        explainer.method = build(name, options)
        found.append(explainer(images, 1).attribution)
    return found


def spectra(device: str) -> list[Tensor]:
    """Functions of images that are no methods."""
    images = unfriendly.images(2).sigmoid().to(device)
    maps = [saliency.amplitude_spectrum(images), saliency.phase_spectrum(images)]
    return [*maps, *saliency.radial_amplitude(images), *saliency.conspicuity(images).values()]


def measures(device: str) -> list[Tensor]:
    """Evaluation of explanations."""
    model, images = unfriendly.build("Gate").to(device), unfriendly.images(4).to(device)
    part = metrics.decomposition.heatmap_part(images, images.square())
    found = metrics.decomposition.measures(model, images, part, images, model(images).argmax(1))
    numbers = torch.tensor(list(found.values()), device=device)
    masks = images[:, 0] > images[:, 0].flatten(1).median(1).values[:, None, None]
    inside = [metrics.energy_inside(part, masks), metrics.pointing_game(part, masks, tolerance=1.5)]
    areas = [measure(model, images, part, steps=3) for measure in (metrics.deletion, metrics.insertion)]
    agreement = [metrics.pearson(images, part), metrics.similarity(images, part)]
    return [part, numbers, *inside, *areas, *agreement, *visualizations(device)]


def visualizations(device: str) -> list[Tensor]:
    """Evaluation of pictures of what neurons stand for."""
    model, images = unfriendly.build("FunctionalReLU").to(device), unfriendly.images(3).to(device)
    weights = pyxai.explain(model, images, "layer_activation", layer="conv2").attribution
    shown = images.sigmoid()
    return [
        metrics.visualization_correlation(model, shown, weights, "conv2"),
        metrics.classification_consistency(model, shown, 1, low=-1.0, high=2.0),
        metrics.scores_of_attributions(model, images, weights, "conv2"),
    ]


def runs(device: str) -> list[Tensor]:
    """A whole run over stored images, whose maps are read back."""
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "images.npy"), Path(folder, "run.zarr")
        np.save(data, unfriendly.images(3, torch.float32).sigmoid().numpy())
        model = unfriendly.build("Gate", torch.float32).to(device)
        engine.run(engine.Job(model=model, data=data, out=out, method="gradient", workers=0))
        return [engine.open(out)[:].attribution.to(device)]


FUNCTIONS: dict[str, Function] = {
    function.__name__: function
    for function in (targets, bf16, explanations, operations, reports, spectra, measures, runs)
}


def function_row(function: Function) -> Row:
    """Run it on the device and on the host."""
    row = Row(runs=1)
    with pretended() as log:
        try:
            found = function("cuda")
        except Exception as error:
            row.add(f"{type(error).__name__}: {error}")
            return row
        finally:
            row.add(*log.faults)
    row.running = log.take()
    for of_device, of_host in zip(found, function("cpu"), strict=True):
        row.compare("result", of_device, of_host)
    return row
