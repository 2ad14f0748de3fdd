"""The zoo is what the other tests stand on: its networks are the published ones, its weights fit, its data
is right.
"""

from __future__ import annotations

import importlib.util

import pytest
import torch

from tests import torchvision_shim, unfriendly, zoo

real_data = pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data() or "data present")
needs_torchvision = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="needs torchvision"
)
OWN = ("resnet18", "resnet20", "mobilenet_v3_small", "squeezenet1_0", "vit_b16")


def loadable(name: str):
    return pytest.param(name, marks=() if name in OWN else (needs_torchvision, pytest.mark.slow))


@pytest.mark.parametrize("name", [loadable(name) for name in zoo.NAMES])
def test_random_network_has_sane_signals(name):
    """Finite logits of order one that differ from image to image, and a gradient at the input."""
    [(_, model, images)] = zoo.models([name])
    assert not any(module.training for module in model.modules())
    images.requires_grad_()
    logits = model(images)
    assert 0.1 < logits.std() < 10
    assert (logits[0] - logits[1]).std() > 0.02 * logits.std()
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), images)
    assert gradient.isfinite().all()
    assert gradient.abs().amax((1, 2, 3)).gt(0).all()


def test_building_is_reproducible_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = zoo.build("resnet18", small=True), zoo.build("resnet18", small=True)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_batch_norm_statistics_are_those_of_the_images():
    """In eval mode the calibration images come out of the first BatchNorm with that layer's own mean and
    deviation.
    """
    model = zoo.build("resnet18", small=True, dtype=torch.float64)
    out = model.bn1(model.conv1(zoo.photographs(8, 64).double()))
    torch.testing.assert_close(out.mean((0, 2, 3)), model.bn1.bias, rtol=0, atol=1e-5)
    torch.testing.assert_close(out.std((0, 2, 3)), model.bn1.weight.abs(), rtol=1e-3, atol=0)


@needs_torchvision
@pytest.mark.parametrize(
    ("name", "peer"),
    [("resnet18", "resnet18"), ("mobilenet_v3_small", "mobilenet_v3_small"), ("vit_b16", "vit_b_16")],
)
def test_own_definitions_compute_what_torchvisions_do(name, peer):
    """Same parameters in the same order give the same logits."""
    torchvision_shim.install()
    from torchvision import models

    model = zoo.build(name, small=True, dtype=torch.float64)
    options = {"image_size": zoo.ZOO[name].small} if name == "vit_b16" else {}
    other = getattr(models, peer)(weights=None, **options).double().eval()
    own, theirs = ([*net.parameters(), *net.buffers()] for net in (model, other))
    if name == "vit_b16":
        own.insert(3, own.pop(1))  # the position table, which torchvision keeps behind the patch embedding
    with torch.no_grad():
        for source, copy in zip(own, theirs, strict=True):
            copy.copy_(source)
        images = zoo.photographs(2, zoo.ZOO[name].small).double()
        torch.testing.assert_close(model(images), other(images), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", unfriendly.NAMES)
def test_unfriendly_nets_keep_their_contract(name):
    model, images = unfriendly.build(name), unfriendly.images()
    kept = images.clone()
    logits = model(images)
    assert logits.shape == (3, unfriendly.CLASSES_OUT)
    assert logits.isfinite().all()
    assert torch.equal(images, kept)
    torch.testing.assert_close(
        logits, torch.cat([model(image[None]) for image in images]), rtol=1e-10, atol=1e-10
    )


def test_special_nets_are_special():
    images = unfriendly.images()
    outputs = {name: unfriendly.build(name)(images) for name in unfriendly.SPECIAL}
    shape = (3, unfriendly.CLASSES_OUT)
    assert outputs["TupleOutput"][0].shape == shape
    assert outputs["TupleOutput"][1].shape == (3, 8, 16, 16)
    assert outputs["ObjectOutput"].logits.shape == shape
    assert outputs["DictOutput"]["scores"].shape == shape
    assert outputs["SingleLogit"].shape == (3, 1)
    assert unfriendly.build("TrainingMode").bn.training
    with pytest.raises(Exception, match="data-dependent"):
        torch.export.export(unfriendly.build("DataDependent"), (images,), strict=False)


@real_data
def test_trained_weights_must_fit_exactly():
    path = zoo.data_folder() / "resnet20_cifar10.npz"
    with pytest.raises(RuntimeError, match=r"size mismatch for linear\.weight"):
        zoo.load_weights(zoo.ResNet20(classes=11), path)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        zoo.load_weights(zoo.SqueezeNet(), path)


@real_data
def test_resnet20_accuracy():
    """The published figure for these JPEG photographs, so weights, class order and preprocessing are all
    right.
    """
    images, labels = zoo.cifar10_images()
    model = zoo.trained_resnet20()
    with torch.no_grad():
        predicted = torch.cat([model(part).argmax(1) for part in images.split(250)])
    assert (predicted == labels).double().mean().item() == pytest.approx(0.8135, abs=0.001)


@real_data
def test_squeezenet_accuracy():
    """Top-1 0.675 and top-5 0.855 are published for 200 photographs; these 50 are a quarter of them."""
    images, labels = zoo.imagenet_images()
    with torch.no_grad():
        top5 = zoo.trained_squeezenet()(images).topk(5).indices
    assert (top5[:, 0] == labels).double().mean() > 0.55
    assert (top5 == labels[:, None]).any(1).double().mean() > 0.75


@real_data
def test_photographs_are_spread_over_the_classes():
    _, labels = zoo.cifar10_images(100)
    assert torch.bincount(labels).tolist() == [10] * 10
    with pytest.raises(ValueError, match="holds 50 photographs, asked for 51"):
        zoo.imagenet_images(51)


def test_missing_data_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PYXAI_TEST_DATA", str(tmp_path))
    assert str(tmp_path) in zoo.missing_data()
    assert "resnet20_cifar10.npz" in zoo.missing_data()
