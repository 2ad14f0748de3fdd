"""The same model explains the same quantity under every family of methods, whatever its output is wrapped in.

Each family is held to the model's own numbers: sums to differences of the score (integrated gradients and
DeepLIFT) or to the score (LRP), the gradient to autograd's, the probabilities of a mask to the model's, and
the score that is stated to the model's.
"""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from pyxai.methods import Maps, Method, Needs
from pyxai.methods.method import REGISTRY

IMAGES = torch.rand(3, 3, 10, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def body(outputs=4):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layers = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, outputs))
        model = model.double().eval()
        model[-1].weight.data *= 20
        with torch.no_grad():
            model[-1].bias -= model(IMAGES).mean(0)  # scores of both signs
    return model


class Ends(nn.Module):
    def __init__(self, model, end):
        super().__init__()
        self.model, self.end = model, end

    def forward(self, images):
        return self.end(self.model(images))


ENSEMBLE = lambda z: (z.softmax(1) + (z / 2).softmax(1)) / 2  # noqa: E731
ONE, FOUR = 1, 4


def two(p):
    return torch.cat([1 - p, p], 1)


# outputs, what the model ends in, output_kind, the kind found, what is explained of the body's output
CASES = {
    "scores": (FOUR, nn.Identity(), "auto", "scores", lambda z: z),
    "softmax": (FOUR, nn.Softmax(1), "auto", "scores", lambda z: z),
    "log-softmax": (FOUR, nn.LogSoftmax(-1), "auto", "scores", lambda z: z),
    "labels": (FOUR, nn.Sigmoid(), "auto", "scores", lambda z: z),
    "probabilities": (FOUR, nn.Softmax(1), "probabilities", "probabilities", lambda z: z.softmax(1)),
    "log-probabilities": (FOUR, nn.LogSoftmax(1), "probabilities", "probabilities", nn.LogSoftmax(1)),
    "ensemble": (FOUR, ENSEMBLE, "auto", "probabilities", ENSEMBLE),
    "value": (ONE, nn.Identity(), "auto", "value", lambda z: z),
    "flat value": (ONE, nn.Flatten(0), "auto", "value", lambda z: z),
    "sigmoid": (ONE, nn.Sigmoid(), "auto", "binary", lambda z: torch.cat([-z, z], 1)),
    "logit": (ONE, nn.Identity(), "binary", "binary", lambda z: torch.cat([-z, z], 1)),
    "p": (ONE, nn.Sigmoid(), "probabilities", "probabilities", lambda z: two(z.sigmoid())),
    "p as a value": (ONE, nn.Sigmoid(), "value", "value", nn.Sigmoid()),
}  # fmt: skip

WITHIN = [name for name, case in CASES.items() if case[3] == "probabilities" or name == "p as a value"]
FEW = ("softmax", "ensemble", "value", "sigmoid")
FAMILIES = ("gradient", "lrp", "deeplift")


def mostly_slow(names, fast=FEW):
    return [pytest.param(name, marks=() if name in fast else pytest.mark.slow) for name in names]


def found(name, method, target=None, **options):
    outputs, end, asked, kind, scores = CASES[name]
    network = body(outputs)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        explained = pyxai.explain(
            Ends(network, end).eval(), IMAGES, method, target, output_kind=asked, **options
        )
    words = [str(one.message) for one in said if "output_kind" in str(one.message)]
    assert len(words) == (name == "ensemble")
    assert explained.output_kind == kind

    def score(images):
        return scores(network(images)).gather(1, explained.target[:, None])[:, 0]

    wanted = scores(network(IMAGES))
    if target is None:
        assert torch.equal(explained.target, wanted.argmax(1))
    assert torch.allclose(explained.score, score(IMAGES), rtol=1e-11, atol=1e-14)
    return explained, score


@pytest.mark.parametrize("name", mostly_slow(CASES, (*FEW, "log-softmax", "labels", "probabilities", "p")))
def test_gradients_are_autograds(name):
    explained, score = found(name, "gradient")
    leaf = IMAGES.clone().requires_grad_(True)
    (right,) = torch.autograd.grad(score(leaf).sum(), leaf)
    assert (explained.attribution - right).abs().max() <= 1e-12 * right.abs().max()


@pytest.mark.parametrize("name", mostly_slow(CASES))
@pytest.mark.parametrize("method", mostly_slow(["integrated_gradients", "deeplift"], FAMILIES))
def test_maps_sum_to_the_difference_from_the_baseline(name, method):
    options = {"steps": 512} if method == "integrated_gradients" else {}
    explained, score = found(name, method, target=0, **options)
    right = (score(IMAGES) - score(torch.zeros_like(IMAGES))).detach()
    total = explained.attribution.sum((1, 2, 3))
    error = 2e-2 if method == "integrated_gradients" else 1e-9
    assert torch.allclose(total, right, rtol=error, atol=error * float(right.abs().max()))


@pytest.mark.parametrize("name", mostly_slow(name for name in CASES if name not in WITHIN))
def test_relevance_sums_to_the_score_but_for_the_biases_share(name):
    explained, _ = found(name, "lrp", composite="epsilon", epsilon=0)
    assert explained.residual.max() <= 1e-9


@pytest.mark.parametrize("name", mostly_slow(CASES))
def test_masks_go_by_the_models_own_probabilities(name):
    explained, score = found(name, "pixel_rde", steps=1, samples=1)
    outputs, _, _, kind, _ = CASES[name]
    z = body(outputs)(IMAGES)
    if kind == "value":
        right = score(IMAGES)
    elif outputs == ONE:
        right = two(z.sigmoid()).gather(1, explained.target[:, None])[:, 0]
    else:
        p = z.sigmoid() if name == "labels" else ENSEMBLE(z) if name == "ensemble" else z.softmax(1)
        right = p.gather(1, explained.target[:, None])[:, 0]
    assert torch.allclose(explained.extras["image_probability"], right, rtol=1e-9)


def test_distortions_of_probabilities_are_refused_for_a_value():
    for distortion in ("maximise_label", "kl"):
        with pytest.raises(ValueError, match="pixel_rde: `model` must have classes, with probabilities"):
            found("value", "pixel_rde", steps=1, samples=1, distortion=distortion)


METHODS = (
    "gradient",
    "integrated_gradients",
    "smoothgrad",
    "lrp",
    "deep_taylor",
    "deeplift",
    "guided_backprop",
)


@pytest.mark.parametrize("method", mostly_slow(METHODS, FAMILIES))
def test_maps_below_an_end_are_the_logit_models_to_the_bit(method):
    network = body()
    right = pyxai.explain(network, IMAGES, method, rows=2)
    for end in (nn.Softmax(1), nn.LogSoftmax(-1)):
        explained = pyxai.explain(Ends(network, end).eval(), IMAGES, method, rows=2)
        assert torch.equal(explained.attribution, right.attribution)
        assert torch.equal(explained.score, right.score)


def test_a_value_has_one_target_and_one_sign():
    network = body(ONE)
    y = network(IMAGES)[:, 0]
    assert y.min() < 0 < y.max()
    explained = pyxai.explain(network, IMAGES, "input_x_gradient")
    negative = pyxai.explain(Ends(network, lambda z: -z).eval(), IMAGES, "input_x_gradient", 0)
    assert torch.equal(explained.attribution, -negative.attribution)
    for wrong, got in ((1, "got 1"), ("top2", "got top2")):
        with pytest.raises(ValueError, match=f"`target` must be 0, the only output .*, {got}"):
            pyxai.explain(network, IMAGES, "gradient", wrong)


@pytest.fixture
def scores_method():
    """A method that needs scores only."""

    class Everywhere(Method):
        """The score of the class, everywhere."""

        name = "test_everywhere"
        needs = Needs.SCORES

        def attribute(self, executor, request):
            scores = executor.scores(request.images)
            classes = request.target.choose(scores)
            score = scores.gather(1, classes)
            return Maps([request.images * 0 + score[:, :1, None, None]], classes, score)

    yield Everywhere.name
    del REGISTRY[Everywhere.name]


def test_callables_that_give_scores_only_are_told_by_their_rows(scores_method):
    def probabilities(images):
        return np.asarray(body()(images).softmax(1).detach())

    explainer = pyxai.Explainer(probabilities, scores_method)
    with pytest.warns(UserWarning, match="output_kind='probabilities' says so"):
        explained = explainer(IMAGES)
    assert (explained.output_kind, explainer.info()["output_kind"]) == ("probabilities",) * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explainer(IMAGES[..., :8])  # another size, another capture: it was said
        pyxai.explain(probabilities, IMAGES, scores_method, output_kind="probabilities")
        assert pyxai.explain(lambda x: body()(x), IMAGES, scores_method).output_kind == "scores"
        assert pyxai.explain(lambda x: x.mean((1, 2, 3)), IMAGES, scores_method).output_kind == "value"


def test_kinds_of_two_image_sizes_must_agree(scores_method):
    def model(images):
        z = body()(images)
        return z.softmax(1) if images.shape[-1] == 10 else z

    explainer = pyxai.Explainer(model, scores_method)
    with pytest.warns(UserWarning, match="probabilities"):
        explainer(IMAGES)
    with pytest.raises(ValueError, match="`output_kind` must be given where the output does not tell it"):
        explainer(IMAGES[..., :8])


def test_a_callable_target_under_every_family():
    target = torch.linspace(0, 1, 4, dtype=torch.float64)

    def similarity(output):
        return F.cosine_similarity(output, target, dim=0)

    network = body()
    model = Ends(network, nn.Softmax(1)).eval()

    def score(images):
        return F.cosine_similarity(network(images), target[None], dim=1)

    right = score(IMAGES).detach()
    for method in FAMILIES:
        explained = pyxai.explain(model, IMAGES, method, similarity)
        assert explained.target_name.endswith(
            ":test_a_callable_target_under_every_family.<locals>.similarity"
        )
        assert torch.allclose(explained.score, right) and explained.target.tolist() == [0, 0, 0]
    explained = pyxai.explain(model, IMAGES, "deeplift", similarity)
    difference = right - score(torch.zeros_like(IMAGES)).detach()
    assert torch.allclose(explained.attribution.sum((1, 2, 3)), difference)
    assert pyxai.explain(model, IMAGES[:0], "gradient", similarity).attribution.shape == (0, 3, 10, 10)


def test_class_names_stand_for_classes():
    network, names = body(), ["cat", "dog", "horse", "crane"]
    explainer = pyxai.Explainer(network, "gradient", class_names=names)
    assert torch.equal(explainer(IMAGES, "dog").attribution, explainer(IMAGES, 1).attribution)
    assert explainer(IMAGES, ["dog", "cat", "crane"]).target.tolist() == [1, 0, 3]
    assert explainer(IMAGES, "top2").target.shape == (3, 2)
    with pytest.raises(ValueError, match=r"or names of classes, got 'hose' \(did you mean 'horse'\?\)"):
        explainer(IMAGES, "hose")
    with pytest.raises(
        ValueError, match="`target` must name one class, not 0, 3: give its number, got 'cat'"
    ):
        pyxai.Explainer(network, "gradient", class_names={0: "cat", 3: "cat"})(IMAGES, "cat")
    with pytest.raises(TypeError, match="`class_names` must be names in order or by number, got str"):
        pyxai.Explainer(network, "gradient", class_names="cat")
