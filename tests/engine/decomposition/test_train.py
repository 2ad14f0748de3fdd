"""What a training begins with, and requests that cannot work."""

import pytest

from pyxai.engine import InputError
from pyxai.engine.decomposition.classifier import explained_classifier
from pyxai.engine.decomposition.train import begin
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import weights_hash
from pyxai.engine.runner.distributed import World
from tests.dxai.conftest import MODEL, NETWORKS, folder


@pytest.mark.parametrize(
    ("classifier", "options", "message"),
    [
        ("five", {}, "the classifier has 5 classes, the data 2"),
        (
            "labels",
            {},
            "the classifier cannot be explained: `model` must have classes of which an image has one",
        ),
        ("two", {"grey": True}, "the classifier does not take grey images of 32²: "),
        ("grey", {}, "the classifier does not take colour images of 32²: "),
        ("coloured", {"grey": True}, "--grey: the classifier .* takes RGB images"),
        ("training", {}, "must be in evaluation mode"),
        ("discriminator", {"image_size": 16}, "`size` must be a whole number of at least 32, got 16"),
        ("discriminator", {"image_size": 0}, "`size` must be a whole number of at least 32, got 0"),
        ("train:simple", {"decay": 1.5}, "`decay` must be at most 1, got 1.5"),
        ("train:simple", {"branches": 1}, "`branches` must be a whole number of at least 2, got 1"),
        ("train:simple", {"generator_width": 0}, "`width` must be a positive whole number, got 0"),
        ("train:simple", {"batch": 3, "accumulate": 2}, "`batch` must be a multiple of 2"),
        ("train", {"image_size": 33}, "`size` must be a multiple of 2 pixels, got 33"),
        ("train:vgg", {}, "knows simple, resnet18, got 'vgg'"),
    ],
)
def test_requests_that_cannot_work(classifier, options, message, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    if classifier in ("two", "five", "labels", "training", "grey", "coloured"):
        classifier = f"{tmp_path / 'model.py'}:{classifier}"
    with pytest.raises(InputError, match=message):
        begin(folder(tmp_path / "data"), tmp_path / "run", classifier, World(), **{**NETWORKS, **options})
    assert not (tmp_path / "run").exists()


def test_a_grey_classifier(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:grey"
    training = begin(folder(tmp_path / "data"), tmp_path / "run", spec, World(), **NETWORKS, grey=True)
    assert (training.recipe.channels, training.recipe.white) == ("L", (1.0,))


def test_the_recipe_has_what_the_pictures_and_the_classifier_settle(tmp_path):
    (tmp_path / "model.py").write_text(MODEL.replace("def two():", "def two():\n    torch.manual_seed(0)"))
    spec = f"{tmp_path / 'model.py'}:two"
    training = begin(folder(tmp_path / "data"), tmp_path / "run", spec, World(), **NETWORKS, rate=1e-3)
    recipe = training.recipe
    assert (recipe.size, recipe.classes, recipe.black, recipe.rate) == (32, ("dull", "red"), (0.0,) * 3, 1e-3)
    assert recipe.classifier == f"{spec} {weights_hash(explained_classifier(load_model(spec).model))}"
    assert recipe.data.startswith("8 pictures, names ")
    assert len(training.data.labels) == 8
