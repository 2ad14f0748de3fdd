"""The public face: shapes, targets, completeness errors, freshness, determinism, and what it refuses."""

import warnings

import pytest
import torch
from torch import nn

import pyxai
from pyxai.capture.rows import default_rows, fit_rows
from pyxai.engine.data.ids import sample_ids
from pyxai.methods import get_method
from tests import unfriendly
from tests.engine import tiny
from tests.engine.conftest import TINY, fill_folder

QUICK = {"integrated_gradients": {"steps": 3}}


def small(name="FunctionalReLU", dtype=torch.float32):
    return unfriendly.build(name, dtype=dtype), unfriendly.images(5, dtype=dtype)


def _asks_for_black(method):
    return "low" in get_method(method).options()


def explainer(model, method, **options):
    return pyxai.Explainer(model, method, **QUICK.get(method, {}), **options)


def test_uncaptured_models_are_explained_too_and_say_so():
    model, images = small("DataDependent")
    run = explainer(model, "integrated_gradients")
    assert run(images).attribution.abs().sum() > 0
    (program,) = run.info()["programs"]
    assert program["captured"] is False and "torch.export" in program["reason"]


def test_info_is_plain_and_says_what_was_decided():
    import json

    model, images = small()
    run = pyxai.Explainer(model, "integrated_gradients", steps=3, baseline=torch.zeros(3, 16, 16))
    run(images)
    info = json.loads(json.dumps(run.info()))
    assert info["rows"] == 15 and info["options"]["baseline"] == "tensor of shape (3, 16, 16)"
    assert info["programs"][0]["captured"] is True


def test_weights_changed_in_place_are_captured_again_and_said():
    model, images = small()
    run = explainer(model, "gradient")
    before = run(images).attribution
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(images)
    with torch.no_grad():
        next(model.parameters()).mul_(2)
    with pytest.warns(UserWarning, match="the model changed since it was captured"):
        after = run(images).attribution
    assert torch.equal(after, explainer(model, "gradient", rows=run.rows)(images).attribution)
    assert not torch.equal(before, after)


def test_what_a_hook_set_later_changes_is_explained():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(784, 3)).eval()
    images = unfriendly.images(2, dtype=torch.float32)
    run = explainer(model, "gradient")
    before = run(images, 1).attribution
    hook = model[1].register_forward_hook(
        lambda module, inputs, value: value * torch.tensor([0.0, 1, 1, 1]).view(4, 1, 1)
    )
    with pytest.warns(UserWarning, match="the model changed since it was captured"):
        without_a_channel = run(images, 1).attribution
    leaf = images.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
    assert torch.allclose(without_a_channel, wanted, atol=1e-6) and not torch.equal(before, without_a_channel)
    hook.remove()
    with pytest.warns(UserWarning, match="the model changed since it was captured"):
        assert torch.equal(run(images, 1).attribution, before)


def test_a_model_moved_to_another_dtype_is_captured_again():
    model, images = small()
    run = explainer(model, "gradient")
    run(images)
    model.double()
    with pytest.warns(UserWarning, match="capturing it again"):
        found = run(images.double())
    assert found.attribution.dtype == torch.float64


def test_a_replaced_module_is_captured_again():
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), nn.Linear(8, 5))
    run = explainer(model, "gradient")
    run(unfriendly.images(dtype=torch.float32))
    model[2] = nn.Sigmoid()
    with pytest.warns(UserWarning, match="capturing it again"):
        run(unfriendly.images(dtype=torch.float32))


def test_at_most_eight_image_sizes_are_kept():
    model, images = small()
    run = explainer(model, "gradient", rows=5)
    for size in range(8, 17):
        run(images[:, :, :size])
    shapes = [program["shape"] for program in run.info()["programs"]]
    assert shapes == [[3, size, 16] for size in range(9, 17)]


def test_smoothing_behind_a_linear_stem_does_not_depend_on_batch_mates():
    """A matrix product chooses its algorithm by the number of rows, so short calls must be filled up."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 64), nn.GELU(), nn.Linear(64, 5))
    images = unfriendly.images(5, dtype=torch.float32)
    run = pyxai.Explainer(model, "smoothgrad", samples=9, rows=16)
    together = run(images)
    assert run.info()["programs"][0]["affine_stem"] is True
    for row in range(5):
        alone = run(images[row : row + 1], ids=[row])
        assert torch.equal(alone.attribution[0], together.attribution[row])


def test_one_program_per_image_size():
    model, images = small()
    run = explainer(model, "gradient", rows=4)
    run(images)
    run(nn.functional.interpolate(images, size=(24, 20)))
    assert [program["shape"] for program in run.info()["programs"]] == [[3, 16, 16], [3, 24, 20]]


def test_a_single_output_is_explained_with_one_sign_and_a_binary_one_by_its_decision():
    model, images = small("SingleLogit")
    with torch.no_grad():  # outputs of both signs
        model.head.fc.bias -= model(images).median()
    y = model(images).reshape(-1)
    for target in (None, 0):
        found = pyxai.explain(model, images, "gradient", target)
        assert (found.output_kind, found.target.tolist()) == ("value", [0] * len(images))
        assert torch.allclose(found.score, y, atol=1e-6)
    with pytest.raises(ValueError, match=r"gradient: `target` must be 0, the only output .*, got 1"):
        pyxai.explain(model, images, "gradient", 1)
    decided = pyxai.explain(model, images, "gradient", output_kind="binary")
    assert torch.equal(decided.target, (y > 0).long()) and torch.allclose(decided.score, y.abs(), atol=1e-6)
    up, down = (pyxai.explain(model, images, "gradient", t, output_kind="binary").attribution for t in (1, 0))
    assert torch.equal(up, -down) and torch.equal(up, found.attribution)


def test_wrapped_and_inference_mode_and_grad_mode():
    model, images = small()
    plain = pyxai.explain(model, images, "gradient", rows=5).attribution
    assert torch.equal(pyxai.explain(nn.DataParallel(model), images, "gradient", rows=5).attribution, plain)
    assert torch.equal(
        pyxai.explain(torch.compile(model, backend="eager"), images, "gradient", rows=5).attribution, plain
    )
    with torch.inference_mode():
        assert torch.equal(pyxai.explain(model, images.clone(), "gradient", rows=5).attribution, plain)
    wants = images.clone().requires_grad_(True)
    assert (
        torch.equal(pyxai.explain(model, wants, "gradient", rows=5).attribution, plain) and wants.grad is None
    )


def test_noise_follows_the_id_and_the_seed():
    model, images = small()
    run = explainer(model, "smoothgrad")
    same = run(images[:1].expand(2, -1, -1, -1), ids=[4, 5]).attribution
    assert not torch.equal(same[0], same[1])
    assert torch.equal(run(images[:1], ids=[5]).attribution[0], run(images[:1], ids=[5]).attribution[0])
    other = explainer(model, "smoothgrad", seed=1)(images[:1], ids=[4]).attribution[0]
    assert not torch.equal(same[0], other)


def test_bf16_is_close_and_opt_in():
    model, images = small()
    precise = pyxai.explain(model, images, "integrated_gradients", steps=16).attribution
    rough = pyxai.explain(model, images, "integrated_gradients", steps=16, precision="bf16").attribution
    assert rough.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(precise.flatten(), rough.flatten(), 0) > 0.97
    assert not torch.equal(precise, rough)


BAD_CALLS = [
    (
        lambda x: x[0],
        {},
        ValueError,
        "`images` must have shape \\(N, C, H, W\\) or \\(N, C, T, H, W\\), got \\(3, 16, 16\\)",
    ),
    (lambda x: x.numpy(), {}, TypeError, "`images` must be a torch.Tensor, got ndarray"),
    (lambda x: (255 * x).long(), {}, TypeError, "`images` must have a floating dtype, got torch.int64"),
    (
        lambda x: x.double(),
        {},
        TypeError,
        "`images` must have the model's dtype torch.float32, got torch.float64",
    ),
    (lambda x: x.to("meta"), {}, ValueError, "`images` must be on the model's device cpu, got meta"),
    (lambda x: x[:, :, :0], {}, ValueError, "`images` must have at least one channel and one pixel"),
    (
        lambda x: x.index_fill(0, torch.tensor([1, 3]), float("nan")),
        {},
        ValueError,
        "got NaN or infinity in row 1, 3",
    ),
    (lambda x: x, {"target": 5}, ValueError, "`target` must be a class in \\[0, 5\\), got 5"),
    (lambda x: x, {"target": [0, 1]}, ValueError, "`target` must be one class, or have shape \\(5,\\)"),
    (lambda x: x, {"ids": [1, 2]}, ValueError, "`ids` must have shape \\(5,\\), got \\(2,\\)"),
    (lambda x: x, {"ids": torch.zeros(5)}, TypeError, "`ids` must be int64, got torch.float32"),
]


@pytest.mark.parametrize("change, call, error, message", BAD_CALLS)
def test_bad_calls(change, call, error, message):
    model, images = small()
    with pytest.raises(error, match=message):
        explainer(model, "gradient")(change(images), **call)


BAD_MODELS = [
    (
        lambda: nn.ReLU,
        {},
        TypeError,
        "`model` must be a torch.nn.Module, for the method needs its gradients, got type",
    ),
    (
        lambda: unfriendly.build("TrainingMode"),
        {},
        ValueError,
        "^gradient: `model` must be in evaluation mode: .* is training",
    ),
    (
        lambda: nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False)).eval(),
        {},
        ValueError,
        "`model` must treat each image alone: BatchNorm2d `0` has no running statistics",
    ),
    (
        lambda: nn.Sequential(nn.InstanceNorm2d(3, track_running_stats=True)),
        {},
        ValueError,
        "`model` must be in evaluation mode: InstanceNorm2d `0` is training",
    ),
    (lambda: small()[0], {"method": "smoothgrad", "seed": 1.5}, ValueError, "`seed` must be a whole number"),
    (lambda: small()[0], {"rows": 0}, ValueError, "`rows` must be a positive whole number, got 0"),
    (
        lambda: small()[0],
        {"precision": "fp8"},
        ValueError,
        "gradient: `precision` must be one of 'fp32', 'bf16', got 'fp8'",
    ),
    *(
        (
            lambda: small()[0],
            {"preprocess": given},
            TypeError,
            "^gradient: `preprocess` must say what black and white are, as a pyxai.Preprocess does "
            f"\\(or give `low` and `high`\\), got {got}$",
        )
        for given, got in (
            (lambda picture: picture, "function"),
            (pyxai.Preprocess, "type"),
            ("RGB", "'RGB'"),
        )
    ),
    (
        lambda: small()[0],
        {"method": "smoothgrad", "of_options": 5, "preprocess": pyxai.Preprocess()},
        TypeError,
        "^smoothgrad: `of_options` must be a dictionary, got int",
    ),
    (lambda: small()[0], {"method": "grad"}, ValueError, "no method 'grad' \\(did you mean"),
]


@pytest.mark.parametrize("model, options, error, message", BAD_MODELS)
def test_bad_models_and_settings(model, options, error, message):
    with pytest.raises(error, match=message):
        pyxai.Explainer(model(), **{"method": "gradient", **options})


@pytest.mark.parametrize("method", [name for name in pyxai.list_methods() if _asks_for_black(name)])
def test_black_and_white_are_those_of_the_preprocessing_where_options_are_silent(method):
    preprocess = pyxai.Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    found = explainer(small()[0], method, preprocess=preprocess).method
    assert found.low == preprocess.black and getattr(found, "high", preprocess.white) == preprocess.white
    assert explainer(small()[0], method, preprocess=preprocess, low=-9.0).method.low == -9.0
    assert explainer(small()[0], method).method.low == 0.0


def test_a_call_gives_what_a_run_gives_with_the_same_preprocessing(tmp_path):
    model, preprocess = tiny.prepared_net()
    photos = fill_folder(tmp_path / "photos", 3)
    options = {"of": "integrated_gradients", "of_options": {"steps": 3, "baseline": "black"}, "samples": 2}
    asked = {"method": "smoothgrad", "options": options, "out": tmp_path / "run.zarr"}
    pyxai.engine.run(pyxai.engine.Job(model=f"{TINY}:prepared_net", data=photos, **asked))
    stored = pyxai.open(asked["out"])
    images = pyxai.load_images([photos / path for path in stored.paths], preprocess)
    run = pyxai.Explainer(model, "smoothgrad", **options, preprocess=preprocess, rows=stored.manifest["rows"])
    assert list(run.method.of_options["low"]) == stored.manifest["options"]["of_options"]["low"]
    found = run(images, ids=sample_ids(stored.paths))
    assert torch.equal(found.heatmap(), stored[:].heatmap())


def test_outputs_of_other_shapes_say_how_to_pick_one():
    segmentation = nn.Conv2d(3, 4, 1)
    with pytest.raises(ValueError, match=r"output must have shape \(N, classes\), got .*pass `output=`"):
        pyxai.explain(segmentation, torch.rand(2, 3, 8, 8), "gradient")
    found = pyxai.explain(
        segmentation, torch.rand(2, 3, 8, 8), "gradient", output=lambda raw: raw.mean((2, 3))
    )
    assert found.attribution.shape == (2, 3, 8, 8)


def test_rows_rule():
    assert default_rows((1, 3, 224, 224)) == 8
    assert default_rows((1, 3, 32, 32)) == 64
    assert default_rows((1, 3, 4096, 4096)) == 1
    assert default_rows((1, 3, 224, 224), "cuda") == 256


@pytest.mark.parametrize(
    "wanted, total, rows", [(8, 1, 1), (8, 8, 8), (8, 25, 5), (8, 50, 10), (8, 400, 8), (64, 65, 65)]
)
def test_rows_are_settled_with_the_least_padding(wanted, total, rows):
    assert fit_rows(wanted, total) == rows


REFERENCE = torch.ones(5)


def similarity(output):
    return nn.functional.cosine_similarity(output, REFERENCE, dim=0)


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.dropout = torch.ones(5), nn.Dropout()

    def forward(self, output):
        return (self.weight * self.dropout(output)).sum()


@pytest.mark.parametrize(
    "method",
    ["gradient", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lrp", "integrated_gradients"))],
)
def test_a_callable_that_reads_something_else_than_before_is_captured_again_and_said(monkeypatch, method):
    model, images = small()
    run, weighted = explainer(model, method), Weighted().eval()
    for target in (similarity, weighted):
        before = run(images, target)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(images, target)
        monkeypatch.setitem(globals(), "REFERENCE", torch.arange(5.0) - 2)
        weighted.weight = torch.arange(5.0) - 2
        with pytest.warns(UserWarning, match="the target changed since it was captured"):
            after = run(images, target)
        fresh = explainer(model, method, rows=run.rows)(images, target)
        assert torch.equal(after.attribution, fresh.attribution) and torch.equal(after.score, fresh.score)
        assert not torch.equal(before.attribution, after.attribution)
        weighted.weight = torch.ones(5)


def test_a_callable_does_not_count_as_the_classes():
    model, images = small()
    run = explainer(model, "gradient")
    run(images, similarity)
    assert run.classes is None
    run(images, 1)
    assert run.classes == 5


def test_a_module_as_target_must_be_in_evaluation_mode():
    model, images = small()
    with pytest.raises(ValueError, match="gradient: `target` must be in evaluation mode: Dropout `dropout`"):
        explainer(model, "gradient")(images, Weighted())


@pytest.mark.parametrize(
    "names, got", [({"0": "cat"}, "'0': 'cat'"), ([1, 2], "0: 1"), ({-1: "cat"}, "-1: 'cat'")]
)
def test_class_names_are_text_by_number(names, got):
    with pytest.raises(TypeError, match=f"`class_names` must be text, by whole numbers from 0, got {got}"):
        explainer(small()[0], "gradient", class_names=names)


def test_names_in_order_are_of_every_class():
    model, images = small()
    classes = model(images).shape[1]
    with pytest.raises(
        ValueError, match=f"`class_names` must be one for each of {classes} classes .*, got 2 .*by number"
    ):
        explainer(model, "gradient", class_names=["a", "b"])(images)
    assert explainer(model, "gradient", class_names={1: "b"})(images, "b").target.tolist() == [1] * len(
        images
    )
    names = [f"class {number}" for number in range(classes)]
    assert explainer(model, "gradient", class_names=names)(images).class_names[0] == "class 0"
    explainer(model, "gradient", class_names=["a", "b"])(
        images, lambda output: output[0]
    )  # no class is asked for


def test_sparse_outputs_are_refused():
    class Sparse(nn.Module):
        def forward(self, images):
            return images.flatten(1).to_sparse()

    with pytest.raises(TypeError, match=r"output must be dense, got torch.sparse_coo; pass `output=`"):
        explainer(Sparse(), "gradient")(torch.rand(2, 1, 2, 2))


def test_values_of_units_are_those_of_a_layer_or_are_refused():
    model, images = small()
    run = pyxai.Explainer(
        model, "attribution_visualization", attribution="layer_gradient_x_activation", steps=1
    )
    found = run.unit_values(images, 2)
    expected = pyxai.explain(model, images, "layer_gradient_x_activation", 2)
    assert torch.equal(found.attribution, expected.attribution) and found.axes == ("channel", "y", "x")
    assert run.unit_values(images[:0], 2).attribution.shape == (0, 8, 8, 8)
    with pytest.raises(ValueError, match="gradient: `method` must have values for each unit of a layer"):
        explainer(model, "gradient").unit_values(images)
