"""Methods of inner layers, against pytorch-grad-cam and Captum, in ratios to what none can do without."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from benchmarks.passes import from_scores
from pyxai.bench import interleave, paired_ratio
from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from pyxai.capture.rows import default_rows, fit_rows
from tests import torchvision_shim, zoo

torchvision_shim.install()
os.environ["TQDM_DISABLE"] = "1"  # the peer's own progress bars

FORWARD, TO_LAYER, PEER, CAPTUM = (
    "folded forward",
    "forward + backward to the layer",
    "pytorch-grad-cam",
    "Captum",
)
BATCHES = (4, 8, 16, 32, 64)  # sizes tried for the peer's Score-CAM
CHANNELS = 512  # of the layer whose channels Score-CAM looks through
THEIRS = {"grad_cam": "GradCAM", "eigen_grad_cam": "EigenGradCAM", "score_cam": "ScoreCAM"}


def peer(name: str, images: Tensor, layer: str, batch: int | None = None) -> Callable[[], object]:
    """A call of pytorch-grad-cam, ready to be made, of class 0, of a model that keeps its hooks."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model = zoo.build("resnet18").to(images.device).requires_grad_(True)
    cam = getattr(pytorch_grad_cam, THEIRS[name])(model, [model.get_submodule(layer)])
    if batch is not None:
        cam.batch_size = batch
    return lambda: cam(images.clone(), [ClassifierOutputTarget(0)] * len(images))


def ours(name: str, model: nn.Module, images: Tensor, layer: str, **options: object) -> Callable[[], Tensor]:
    """The same of ours: captured, of class 0."""
    explainer = pyxai.Explainer(model, name, layer=layer, **options)
    explainer(images, 0)
    return lambda: explainer(images, 0).attribution


def folded(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    """Our forward pass alone, with nothing to look at inside."""
    executor = Executor(capture(Classifier(model), images), len(images))
    return lambda: executor.scores(images, len(images))


def passes(results: Results, options: Options) -> None:
    """The last stage beside a forward pass; Grad-CAM of others beside the backward pass, too."""
    images = photographs(options, 8)
    model = zoo.build("resnet50").to(options.device)
    shape = f"ResNet-50, {len(images)} images of {images.shape[-1]}²"
    functions = {
        FORWARD: folded(model, images),
        "FEM": ours("fem", model, images, "layer4"),
        "Grad-CAM": ours("grad_cam", model, images, "layer4"),
    }
    claims = [Claim("FEM", FORWARD, 1.05), Claim("Grad-CAM", FORWARD, 1.05)]
    results.add(f"Last stage, {shape}", measured(functions, options), *claims)
    for layer in ("layer1", "layer2", "layer3"):
        functions = {
            TO_LAYER: from_scores(zoo.build("resnet50").to(options.device), images, layer),
            "Grad-CAM": ours("grad_cam", model, images, layer),
        }
        seconds = measured(functions, options)
        results.add(f"{layer}, {shape}", seconds, Claim("Grad-CAM", TO_LAYER, 1.05))


def peers(results: Results, options: Options) -> None:
    """Ordinary models, whose weights ask for gradients."""
    from captum.attr import LayerAttribution, LayerGradCam

    images = photographs(options, 8)
    model = zoo.build("resnet18").to(options.device).requires_grad_(True)
    captum = LayerGradCam(model, model.layer4)

    def by_captum() -> Tensor:
        found = captum.attribute(images, 0, relu_attributions=True)
        return LayerAttribution.interpolate(found, images.shape[2:], "bilinear")

    for name, title in (("grad_cam", "Grad-CAM"), ("eigen_grad_cam", "Eigen-Grad-CAM")):
        functions = {
            FORWARD: folded(model, images),
            PEER: peer(name, images, "layer4"),
            "pyxai": ours(name, model, images, "layer4", normalize="min_max"),
        } | ({CAPTUM: by_captum} if name == "grad_cam" else {})
        what = f"{title}, ResNet-18, {len(images)} images of {images.shape[-1]}²"
        results.add(what, measured(functions, options), Claim("pyxai", PEER, 0.40))


def channel_by_channel(results: Results, options: Options) -> None:
    """Score-CAM of one image: the peer at its best batch size, and both ones' memory.

    The floor is our folded forward passes of as many images as the layer has channels, and nothing else.
    """
    images = photographs(options, 1)
    model = zoo.build("resnet18").to(options.device)
    candidates = {str(size): peer("score_cam", images, "layer4", size) for size in BATCHES}
    tried = interleave(candidates, 3, at_least=options.at_least)
    best = int(min(tried, key=lambda size: sorted(tried[size])[1]))
    what = f"Score-CAM, ResNet-18, one image of {images.shape[-1]}²"
    results.state(f"{what}: best batch size of {PEER}", best)
    callers = {
        PEER: candidates[str(best)],
        "pyxai": ours("score_cam", model, images, "layer4", normalize="min_max"),
    }
    functions = {"floor": channel_passes(model, images)} | callers
    seconds = measured(functions, options)
    results.add(what, seconds, Claim("pyxai", PEER, 0.8))
    ratio = paired_ratio(seconds, "pyxai", "floor").median
    results.state(f"{what}: pyxai ÷ its {CHANNELS} forward passes", ratio)
    if options.device == "cpu":
        added = {
            who: harness.peak_memory(
                "benchmarks.bench_feature_map:alone", who=who, size=images.shape[-1], batch=best
            ).added
            for who in callers
        }
        for who, size in added.items():
            results.state(f"{what}: peak memory of {who} beyond the model's", size / 2**20, "MiB")
        share = added["pyxai"] / added[PEER]
        results.state(f"{what}: peak memory, pyxai ÷ {PEER}", share, wanted="<= 0.25")


def channel_passes(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    """Our folded forward pass of an image for each channel, in calls of the size that Score-CAM makes."""
    rows = fit_rows(default_rows(images.shape, images.device), CHANNELS)
    executor = Executor(capture(Classifier(model), images), rows)
    masked = images.repeat(rows, 1, 1, 1)

    def run() -> None:
        for block in executor.blocks(CHANNELS):
            executor.scores(masked[: block.stop - block.start], rows)

    return run


def alone(who: str, size: int, batch: int) -> Callable[[], object]:
    """A Score-CAM, ready to be called: for the memory measurement."""
    torch.set_num_threads(2)
    images = zoo.photographs(1, size)
    if who == PEER:
        return peer("score_cam", images, "layer4", batch)
    return ours("score_cam", zoo.build("resnet18"), images, "layer4", normalize="min_max")


def photographs(options: Options, count: int) -> Tensor:
    images = zoo.photographs(min(count, 2) if options.quick else count, 64 if options.quick else 224)
    return images.to(options.device)


def measured(functions: dict[str, Callable[[], object]], options: Options) -> dict[str, list[float]]:
    return interleave(functions, options.rounds, at_least=options.at_least, settle=1)


PARTS = {"passes": passes, "peers": peers, "channels": channel_by_channel}


def main() -> None:
    harness.run_parts("feature_map", __doc__, PARTS)


if __name__ == "__main__":
    main()
