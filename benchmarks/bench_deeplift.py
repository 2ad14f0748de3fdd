"""DeepLIFT on ResNet-18: the floor, Captum, and both rules, with the baseline's activations kept or not."""

from __future__ import annotations

import copy
import warnings

import torch
from captum.attr import DeepLift
from torch import nn

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from benchmarks.layers import Passes, layers_alone
from pyxai.bench import floor, interleave, paired_ratio
from pyxai.methods.per_image import image_sum
from tests import zoo

MANY = 8


def separate_relus(model: nn.Module) -> nn.Module:
    """A copy that Captum can run: a ReLU of its own for every call, and none in place."""

    class Block(type(model.layer1[0])):
        def forward(self, x):
            shortcut = x if self.downsample is None else self.downsample(x)
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.last(out + shortcut)

    model = copy.deepcopy(model)
    model.relu = nn.ReLU()
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        for block in stage:
            block.relu, block.last = nn.ReLU(), nn.ReLU()
            block.__class__ = Block
    return model


def compare(results: Results, options: Options, model: nn.Module, batch: int) -> None:
    """Time ``batch`` images and state how far the maps' sums are off."""
    images = zoo.photographs(batch, 64 if options.quick else 224).to(options.device)
    leaf, zeros = images.clone().requires_grad_(), torch.zeros_like(images)
    with torch.no_grad():
        logits = model(images)
        target = logits.argmax(1)
        expected = (logits - model(zeros)).gather(1, target[:, None])[:, 0].double()
    peer = DeepLift(separate_relus(model))
    rescale = pyxai.Explainer(model, "deeplift")
    anew = pyxai.Explainer(model, "deeplift", cache_bytes=0)
    reveal_cancel = pyxai.Explainer(model, "deeplift", rule="reveal_cancel")
    functions = {
        "floor": lambda: floor(model, images, target),
        "Captum": lambda: peer.attribute(leaf, zeros, target=target).detach(),
        "Rescale": lambda: rescale(images, target).attribution,
        "Rescale, baseline run anew": lambda: anew(images, target).attribution,
        "RevealCancel": lambda: reveal_cancel(images, target).attribution,
    }
    claims = [
        Claim("Rescale", "floor", 0.88),
        Claim("Rescale", "Captum", 0.30),
        Claim("RevealCancel", "Rescale", 2.5),
    ]
    bound = "its layers alone"
    if options.device == "cpu":
        functions[bound] = layers_alone(model, images[:1], batch, passes=Passes(first=1))
    what = f"DeepLIFT, ResNet-18, {batch} image{'s' * (batch > 1)} of {images.shape[-1]}²"
    seconds = interleave(functions, options.rounds, at_least=options.at_least, settle=1)
    results.add(what, seconds, *(claims if batch == MANY else []))
    if bound in functions:
        ours = paired_ratio(seconds, "Rescale", bound).median
        results.state(f"{what}: Rescale ÷ {bound}", ours, wanted="<= 1.3" if batch == MANY else "")
    for name in ("Captum", "Rescale", "RevealCancel"):
        error = (image_sum(functions[name]()) - expected).abs() / expected.abs()
        results.state(f"{what}, {name}: median error of the sum", error.median())


def main() -> None:
    warnings.filterwarnings("ignore", module="captum")  # it announces the hooks it sets
    options = harness.options(__doc__)
    results = harness.begin("deeplift", options)
    model = zoo.build("resnet18", small=options.quick).to(options.device)
    for batch in (2,) if options.quick else (MANY, 1):
        compare(results, options, model, batch)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
