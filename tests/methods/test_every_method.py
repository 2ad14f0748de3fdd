"""What every method promises: nothing but the image decides, nothing of the model changes."""

import copy
import dataclasses

import pytest
import torch

import pyxai
from pyxai.methods import Needs, get_method
from pyxai.methods.attention.by_attention import ByAttention
from pyxai.methods.path.along_path import AlongPath
from tests import unfriendly

TRAINED = "dxai"  # must be told the folder of a training
METHODS = [
    name for name in pyxai.list_methods() if name != TRAINED and get_method(name).needs is not Needs.NOTHING
]
QUICK = {
    **{name: {"steps": 3} for name in METHODS if issubclass(get_method(name), AlongPath)},
    "cartoonx": {"levels": 1, "steps": 3, "samples": 2},
    "pixel_rde": {"steps": 3, "samples": 2},
    "rate_distortion": {"steps": 3, "samples": 2},
    "aumann_shapley": {"steps": 3, "effort": 0.001},
    "attribution_visualization": {
        "steps": 2,
        "attribution": "layer_integrated_gradients",
        "attribution_options": {"steps": 3},
    },
    "factorized_visualization": {"steps": 2, "groups": 2},
    "activation_maximization": {"steps": 2},
}

OF_CLASSES = [name for name in METHODS if not get_method(name)(**QUICK.get(name, {})).units]
LAYER = (8, 8, 8)  # of the last map of FunctionalReLU


def small(method, name="FunctionalReLU", dtype=torch.float32):
    name = "SoftmaxAttention" if issubclass(get_method(method), ByAttention) else name
    return unfriendly.build(name, dtype=dtype), unfriendly.images(5, dtype=dtype).sigmoid()


def explainer(model, method, **options):
    return pyxai.Explainer(model, method, **QUICK.get(method, {}), **options)


@pytest.mark.parametrize("method", METHODS)
def test_shapes_dtype_and_predicted_class(method):
    model, images = small(method)
    run = explainer(model, method)
    found = run(images)
    shape = LAYER if run.method.of_layer else (3 if run.method.per_channel else 1, 16, 16)
    assert found.attribution.shape == (5, *shape) and found.attribution.dtype == torch.float32
    assert found.attribution.abs().sum() > 0
    if method in OF_CLASSES:
        assert torch.equal(found.target, model(images).argmax(1))
        assert torch.allclose(found.score, model(images).amax(1), rtol=1e-5)
    else:
        assert found.target.tolist() == [-1] * 5 and found.target_name == run.method.units
    assert found.evaluations.shape == (5,) and found.method == method
    assert found.heatmap().shape == (5, *shape[1:])
    assert (found.residual is None) == (found.delta is None)


@pytest.mark.parametrize("method", OF_CLASSES)
def test_several_targets_equal_one_at_a_time(method):
    model, images = small(method)
    run = explainer(model, method, rows=8)
    wanted = torch.tensor([[0, 2], [1, 1], [3, 0], [2, 1], [0, 3]])
    both = run(images, wanted)
    assert both.attribution.shape[:2] == (5, 2) and both.score.shape == (5, 2)
    for column in range(2):
        alone = run(images, wanted[:, column])
        assert torch.equal(alone.attribution, both.attribution[:, column])
        assert torch.equal(alone.target, both.target[:, column])


@pytest.mark.parametrize("method", METHODS)
def test_bits_do_not_depend_on_batch_mates_or_order(method):
    model, images = small(method)
    ids = torch.tensor([11, -5, 2**62, 0, 7])
    run = explainer(model, method, rows=8)
    together = run(images, ids=ids)
    order = [3, 0, 4, 2, 1]
    shuffled = run(images[order], ids=ids[order])
    for position, row in enumerate(order):
        alone = run(images[row : row + 1], ids=ids[row : row + 1])
        for field in ("attribution", "score", "delta", "standard_error", "evaluations"):
            values = [getattr(result, field) for result in (together, shuffled, alone)]
            if values[0] is not None:
                assert torch.equal(values[0][row], values[1][position]) and torch.equal(
                    values[0][row], values[2][0]
                ), field


@pytest.mark.parametrize("method", METHODS)
def test_other_rows_a_call_change_float64_maps_by_rounding_only(method):
    model, images = small(method, dtype=torch.float64)
    one, other = explainer(model, method, rows=4)(images), explainer(model, method, rows=7)(images)
    assert float((one.attribution - other.attribution).abs().max()) <= 1e-10 * float(
        one.attribution.abs().max()
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_model_comes_back_identical(method):
    model, images = small(method, "InplaceOps")
    twin, untouched = copy.deepcopy(model), images.clone()
    explainer(model, method)(images)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True)
    )
    assert torch.equal(images, untouched) and not images.requires_grad
    for ours, theirs in zip(model.modules(), twin.modules(), strict=True):
        assert ours.training == theirs.training and getattr(ours, "inplace", None) == getattr(
            theirs, "inplace", None
        )
        assert not ours._forward_hooks and not ours._backward_hooks and not ours._forward_pre_hooks
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert ours.grad is None and ours.requires_grad == theirs.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_no_images_give_no_rows(method):
    model, images = small(method)
    run = explainer(model, method)
    found, places = run(images[:0]), LAYER[1:] if run.method.of_layer else (16, 16)
    assert found.attribution.shape[0] == 0 and found.attribution.shape[2:] == places and len(found) == 0


@pytest.mark.gpu
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("net", ["OverlappingPools", "Gate", "Normalised"])
def test_cuda_gives_the_maps_of_the_cpu(method, net):
    model, images = small(method, net, torch.float64)
    target = 2 if method in OF_CLASSES else None
    on_cpu = explainer(model, method)(images, target)
    on_cuda = explainer(model.cuda(), method)(images.cuda(), target)
    for field in dataclasses.fields(on_cpu):
        found, expected = (getattr(explanation, field.name) for explanation in (on_cuda, on_cpu))
        if isinstance(expected, torch.Tensor) and expected.is_floating_point():
            assert found.device.type == "cuda"
            torch.testing.assert_close(found.cpu(), expected, rtol=1e-8, atol=1e-10)
