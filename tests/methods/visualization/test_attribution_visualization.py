"""Attribution visualization: what it shows of images with two objects, and what it is told wrongly."""

import pytest
import torch
from torch import nn

import pyxai
from tests import unfriendly
from tests.visualization import two_objects

METHOD = "attribution_visualization"
STEPS = 2048
CHEAP = {"attribution_options": {"baseline": "zero", "steps": 10}}


@pytest.fixture(scope="module")
def objects():
    """Images with two objects, the classes of these, and where each is."""
    pairs = torch.tensor([[0, 1], [2, 3]])
    images, where = two_objects.pictures(pairs, seed=3)
    return images, pairs, where


def test_the_network_knows_the_objects():
    labels = torch.arange(64) % two_objects.CLASSES
    images, _ = two_objects.pictures(labels[:, None], seed=7)
    assert (two_objects.trained()(images).argmax(1) == labels).double().mean() > 0.9


@pytest.mark.slow
def test_the_mask_lies_on_the_object_of_the_class(objects):
    """For both classes of an image, at the price of the paper: on the mean more than twice chance, no mask
    below one and a half times. That each has twice is not reached: the least has 1.93.
    """
    images, pairs, where = objects
    run = pyxai.Explainer(two_objects.trained(), METHOD, layer="8", steps=STEPS, **CHEAP)
    mask = run(images, pairs).extras["mask"]
    mass = (mask * where).sum((2, 3)) / mask.sum((2, 3))
    times_chance = mass / where.double().mean((2, 3))
    assert times_chance.mean() >= 2 and (times_chance >= 1.5).all()


def small(**options):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2).sigmoid()
    return pyxai.explain(model, images, METHOD, 1, steps=2, **CHEAP | options)


def test_what_it_gives():
    found = small(beta=0.25)
    extras = found.extras
    assert found.attribution.shape == (2, 3, 16, 16) and found.target.tolist() == [1, 1]
    assert extras["image"].shape == (2, 3, 16, 16) and extras["mask"].shape == (2, 16, 16)
    assert extras["area"].tolist() == [0.25] * 2
    torch.testing.assert_close(extras["kept"], extras["mask"].double().mean((1, 2)), rtol=0, atol=1e-6)
    grey = 0.55 * (1 - extras["mask"][:, None]) + extras["image"] * extras["mask"][:, None]
    torch.testing.assert_close(found.attribution, grey)
    assert found.evaluations.tolist() == [12, 12]


@pytest.mark.parametrize(
    "options",
    [
        {"lookup": "interpolate"}, {"shared_spectrum": True}, {"reduction": "mean"}, {"penalty": "both"},
        {"growth": "continuous"}, {"decay": "steps"}, {"edge": "zeros"}, {"shear": 0.0}, {"seed": 1},
        {"attribution": "layer_gradient_x_activation", "attribution_options": {}}, {"lambda_scale": 20.0},
        {"masked": False}, {"strongest": 2}, {"channels": (1, 4)},
        *[{"fill": fill} for fill in ("fractal", "gaussian", "blur", "constant")],
        {"depth": 2},
    ],
)  # fmt: skip
def test_every_option_changes_the_picture(options):
    assert not torch.equal(small().attribution, small(**options).attribution)


@pytest.mark.parametrize(
    ("fill", "option"), [("constant", {"constant": 0.9}), ("blur", {"blur_sigma": 90.0})]
)
def test_options_of_fills_change_the_picture(fill, option):
    assert not torch.equal(small(fill=fill).attribution, small(fill=fill, **option).attribution)


FILLS = ("pyramid", "fractal", "gaussian", "blur", "constant")


@pytest.mark.parametrize("options", [*({"fill": fill} for fill in FILLS), {"masked": False}], ids=str)
def test_batch_mates_change_no_bit(options):
    model, images = unfriendly.build("FunctionalReLU", torch.float32), unfriendly.images(5).sigmoid().float()
    ids = torch.tensor([11, -5, 2**62, 0, 7])
    run = pyxai.Explainer(model, METHOD, rows=3, steps=3, **CHEAP, **options)
    together, order = run(images, 1, ids), [3, 0, 4, 2, 1]
    shuffled = run(images[order], 1, ids[order])
    for position, row in enumerate(order):
        alone = run(images[row : row + 1], 1, ids[row : row + 1])
        for of in (lambda found: found.attribution, lambda found: found.extras["mask"]):
            assert torch.equal(of(together)[row], of(shuffled)[position])
            assert torch.equal(of(together)[row], of(alone)[0])


def test_without_a_mask_the_image_is_the_picture():
    found = small(masked=False)
    assert torch.equal(found.attribution, found.extras["image"]) and (found.extras["mask"] == 1).all()
    assert found.extras["area"].tolist() == found.extras["kept"].tolist() == [1, 1]


DEEP_SHAP = torch.rand(1, 3, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
STUDY = {
    "Grad-CAM": ("grad_cam", {}),
    "LRP": ("layer_lrp", {}),
    "DeepLIFT Rescale": ("layer_deeplift", {}),
    "DeepLIFT RevealCancel": ("layer_deeplift", {"rule": "reveal_cancel"}),
    "gradient × activation": ("layer_gradient_x_activation", {}),
    "DeepSHAP": ("layer_deeplift", {"baseline": DEEP_SHAP}),
    "integrated gradients": ("layer_integrated_gradients", {"steps": 3}),
    "IG, noisy baselines": (
        "layer_integrated_gradients",
        {"steps": 3, "samples": 2, "noise_scale": 0.1},
    ),
    "feature maps": ("layer_activation", {}),
}


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("study", STUDY)
def test_what_the_study_compares_is_shown(study, masked):
    name, options = STUDY[study]
    found = small(attribution=name, attribution_options=options, masked=masked)
    assert found.attribution.shape == (2, 3, 16, 16) and found.target.tolist() == [1, 1]
    assert found.attribution.isfinite().all() and found.attribution.std() > 0.001
    other = "layer_activation" if name != "layer_activation" else "layer_gradient_x_activation"
    others = small(attribution=other, attribution_options={}, masked=masked)
    assert not torch.equal(found.attribution, others.attribution)


def test_channels_and_neurons_that_are_chosen():
    """At a layer whose channels are red, green and blue the picture has the colour that is chosen."""
    model = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.append(nn.Linear(3, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(3)[:, :, None, None])
        model[3].weight.copy_(torch.tensor([[3.0, 2, 1], [-1, -1, 1]]))
    images = torch.full((1, 3, 8, 8), 0.5)
    given = {"layer": "0", "masked": False, "attribution": "layer_gradient_x_activation"}
    run = {"steps": 4, "learning_rate": 0.002}

    def colour(target, **options):
        found = pyxai.explain(model.eval(), images, METHOD, target, **given, **run, **options)
        assert (found.attribution.mean((0, 2, 3)) > 0.4).all()
        return int(found.attribution.mean((0, 2, 3)).argmax())

    assert [colour(0, channels=(channel,)) for channel in (0, 2)] == [0, 2]
    assert (colour(0, strongest=1), colour(1, strongest=1)) == (0, 2)
    assert colour(0, channels=(1, 2), strongest=1) != 0


class Sign(nn.Module):
    """One 1×1 convolution and a class that all its maps count for, or against."""

    def __init__(self, weight):
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
        self.end = nn.Linear(4, 2)
        nn.init.constant_(self.maps[0].weight, 1.0)
        nn.init.constant_(self.end.weight, weight)

    def forward(self, images):
        return self.end(self.maps(images).mean((2, 3)))


def test_attributions_that_are_nowhere_positive_have_no_price():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match="no attribution of row 0 is positive"):
        found = pyxai.explain(Sign(-1.0).eval(), images, METHOD, 1, layer="maps", steps=2, **CHEAP)
    assert found.attribution.isfinite().all()


def test_a_map_of_one_value_is_kept_whole():
    with pytest.warns(UserWarning, match="the intensity map of row 0 is constant"):
        found = pyxai.explain(
            Sign(1.0).eval(), torch.full((1, 3, 8, 8), 0.5), METHOD, 1, layer="maps", steps=2, **CHEAP
        )
    assert found.extras["area"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 0.0}, "`beta` must lie between 0 and 1, got 0.0"),
        ({"beta": 1.5}, "`beta` must lie between 0 and 1, got 1.5"),
        ({"depth": -1}, "`depth` must be a whole number of at least 0, got -1"),
        (
            {"attribution": "hires_cam"},
            "`attribution` must have values for each unit of a layer, got 'hires_cam'",
        ),
        (
            {"attribution": "grad_cam", "attribution_options": {"layer": ("conv1", "conv2")}},
            "`layer` must be the name of one module, got 'conv1', 'conv2'",
        ),
        (
            {"attribution_options": {"baseline": "zero", "steps": 2, "upsample": True}},
            r"`attribution` must have the shape \(8, 8, 8\) of the layer, got \(8, 16, 16\)",
        ),
        ({"fill": "snow"}, "`fill` must be one of 'pyramid', .*, got 'snow'"),
        ({"constant": 2.0}, "`constant` must lie between 0 and 1, got 2.0"),
        ({"strongest": 9}, r"`strongest` must be at most 8, the channels of `conv2`, got 9"),
        ({"strongest": 0}, "`strongest` must be a positive whole number, got 0"),
        ({"channels": (3, 8)}, r"`channels` must be below 8, the number of channels, got \(3, 8\)"),
        ({"channels": ()}, r"`channels` must be one or several numbers of channels, got \(\)"),
        ({"layer": "head.fc"}, "`layer` must return a map of the image"),
        ({"high": 0.0}, "`high` must differ from `low`"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^{METHOD}: {message}"):
        small(**options)
