"""Models that are no modules: any callable from images to scores serves a method that needs scores only."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pyxai
from pyxai.methods import Maps, Method, Needs
from pyxai.methods.method import REGISTRY

IMAGES = torch.rand(5, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
WEIGHTS = np.random.default_rng(0).normal(size=(48, 3))


@pytest.fixture(autouse=True)
def halves():
    """A method that needs scores only: what the class score loses without the left, and the right, half."""

    class Halves(Method):
        name = "test_halves"
        needs = Needs.SCORES
        per_channel = False

        def attribute(self, executor, request):
            scores = executor.scores(request.images)
            classes = request.target.choose(scores)
            maps = [request.images.new_zeros(len(request), 1, *request.images.shape[2:]) for _ in classes[0]]
            middle = request.images.shape[3] // 2
            for half in (slice(None, middle), slice(middle, None)):
                without = request.images.clone()
                without[..., half] = 0
                lost = (scores - executor.scores(without)).gather(1, classes)
                for found, column in zip(maps, lost.unbind(1), strict=True):
                    found[..., half] = column[:, None, None, None]
            return Maps(maps, classes, scores.gather(1, classes), torch.full((len(request),), 3))

    yield Halves
    del REGISTRY["test_halves"]


def numpy_function(images):
    return np.asarray(images).reshape(len(images), -1) @ WEIGHTS


def pipeline():
    generator = np.random.default_rng(1)
    features = generator.random((90, 3, 4, 4))
    labels = features.reshape(90, -1).dot(WEIGHTS).argmax(1)
    flatten = FunctionTransformer(lambda images: np.asarray(images).reshape(len(images), -1))
    return make_pipeline(flatten, StandardScaler(), LogisticRegression()).fit(features, labels)


class Exact(torch.nn.Module):
    def forward(self, images):
        return images.flatten(1) @ torch.from_numpy(WEIGHTS)


def test_a_numpy_function_a_lambda_and_a_module_have_the_same_maps():
    expected = pyxai.explain(Exact().eval(), IMAGES, "test_halves", "top2")
    assert expected.attribution.shape == (5, 2, 1, 4, 4) and expected.attribution.abs().max() > 0.1
    for model in (numpy_function, lambda images: images.flatten(1) @ torch.from_numpy(WEIGHTS)):
        found = pyxai.explain(model, IMAGES, "test_halves", "top2")
        assert torch.equal(found.target, expected.target)
        torch.testing.assert_close(found.attribution, expected.attribution, rtol=1e-12, atol=1e-12)


def test_a_pipeline_of_scikit_learn():
    model = pipeline()
    found = pyxai.explain(model.predict_proba, IMAGES, "test_halves")
    probabilities = torch.from_numpy(model.predict_proba(IMAGES.numpy()))
    assert torch.equal(found.target, probabilities.argmax(1))
    torch.testing.assert_close(found.score, probabilities.amax(1))
    assert found.score.dtype == torch.float64 and found.attribution.abs().max() > 0


def test_float64_scores_of_float32_images_come_in_the_images_dtype():
    assert pyxai.explain(numpy_function, IMAGES.float(), "test_halves").score.dtype == torch.float32


def test_a_function_that_writes_over_its_images_leaves_ours():
    def model(images):
        scores = images.flatten(1)[:, :3].clone()
        images.zero_()
        return scores

    before = IMAGES.clone()
    pyxai.explain(model, IMAGES, "test_halves")
    assert torch.equal(IMAGES, before)


def test_what_cannot_be_explained_is_one_line():
    def vague(images):
        return "cat"

    def mean(images):
        return np.asarray(images).mean()

    for model, error, message in (
        (vague, TypeError, r"test_halves: the model's output must be a tensor, got str"),
        (mean, ValueError, r"test_halves: the model's output must have one row per image"),
        (
            pipeline(),
            TypeError,
            r"test_halves: `model` must be a torch.nn.Module or a function of images, got",
        ),
    ):
        with pytest.raises(error, match=message):
            pyxai.explain(model, IMAGES, "test_halves")
    with pytest.raises(
        TypeError, match=r"lrp: `model` must be a torch.nn.Module, for the method needs its gr"
    ):
        pyxai.Explainer(numpy_function, "lrp")


def test_a_function_that_draws_random_numbers_is_refused():
    with pytest.raises(ValueError, match="`model` must be deterministic"):
        pyxai.explain(lambda images: torch.rand(len(images), 3), IMAGES, "test_halves")


def test_a_function_may_give_the_same_buffer_at_every_call():
    buffer = np.empty((1, 3))

    def model(images):
        np.copyto(buffer, numpy_function(images))
        return buffer[:, ::-1]

    found = pyxai.Explainer(model, "test_halves", rows=1)(IMAGES)
    assert torch.allclose(found.score, torch.from_numpy(numpy_function(IMAGES)).amax(1))


def test_a_function_that_mixes_images_or_gives_complex_scores_is_refused():
    with pytest.raises(ValueError, match="`model` must treat each image alone"):
        pyxai.explain(lambda images: (images - images.mean(0)).flatten(1), IMAGES, "test_halves")
    with pytest.raises(TypeError, match=r"`model` must return real scores, got torch.complex128"):
        pyxai.explain(lambda images: images.flatten(1) * 1j, IMAGES, "test_halves")


def test_two_methods_cannot_have_one_name(halves):
    with pytest.raises(ValueError, match="two methods are called 'test_halves'"):
        type("Other", (Method,), {"name": "test_halves", "__module__": "elsewhere"})


def test_needs_are_ordered():
    assert Needs.NOTHING < Needs.SCORES < Needs.GRADIENTS < Needs.GRAPH
    assert [str(needs) for needs in Needs] == ["nothing", "scores", "gradients", "graph"]
