"""Agreement with pytorch-grad-cam, before it clamps and normalises.

It would bring another OpenCV, so `make build` installs it without what it asks for.
"""

import numpy as np
import pytest
import torch
from torch import nn

import pyxai
from tests import torchvision_shim, zoo
from tests.methods.feature_map.networks import IMAGES, LAYER, RAW, averaged, dense

torchvision_shim.install()
peer = pytest.importorskip("pytorch_grad_cam")
targets = pytest.importorskip("pytorch_grad_cam.utils.model_targets")

NAMES = {
    "grad_cam": "GradCAM",
    "layer_cam": "LayerCAM",
    "hires_cam": "HiResCAM",
    "xgrad_cam": "XGradCAM",
    "eigen_cam": "EigenCAM",
    "eigen_grad_cam": "EigenGradCAM",
    "score_cam": "ScoreCAM",
}


def theirs(name, model, images, target, layer):
    """Its map of a layer at the layer's own size, as it is before the maximum with zero."""
    with getattr(peer, name)(model, [layer]) as cam:
        if name == "ScoreCAM":
            cam.batch_size = 4
        chosen = [targets.ClassifierOutputTarget(target)] * len(images)
        cam(images.clone(), chosen)
        found = cam.activations_and_grads
        gradients = found.gradients[0].numpy() if found.gradients else None
        values = found.activations[0].numpy()
        return cam.get_cam_image(images, layer, chosen, values, gradients, False)


def resnet20():
    return zoo.build("resnet20", dtype=torch.float64)


NETWORKS = {
    "averaged": (averaged, IMAGES, LAYER),
    "dense": (dense, IMAGES, LAYER),
    "resnet20": (
        lambda: zoo.build("resnet20", dtype=torch.float64),
        zoo.photographs(2, 32).double(),
        "layer2",
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", NAMES)
def test_maps(method, network, monkeypatch):
    def half_pixel(size):  # its masks have their corners at those of the image
        return nn.Upsample(size, mode="bilinear", align_corners=False)

    monkeypatch.setattr(nn, "UpsamplingBilinear2d", half_pixel)
    make, images, layer = NETWORKS[network]
    model = make()
    expected = theirs(NAMES[method], model, images, 2, model.get_submodule(layer))
    found = pyxai.explain(make(), images, method, 2, layer=layer, **RAW).attribution[:, 0].numpy()
    for one, other in zip(found, expected, strict=True):
        if method.startswith("eigen"):
            other = other * np.sign((one * other).sum())
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()


def test_grad_cam_plus_plus_without_normalised_weights():
    """It adds 1e-6 to the denominator, which large gradients do not feel."""
    model, images = dense(), IMAGES
    model[-1].weight.data.mul_(1e6)
    expected = theirs("GradCAMPlusPlus", model, images, 2, model[3])
    found = pyxai.explain(model, images, "grad_cam_plus_plus", 2, layer=LAYER, variant="unnormalized", **RAW)
    for one, other in zip(found.attribution[:, 0].numpy(), expected, strict=True):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()
