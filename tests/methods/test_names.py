"""Names of classes: what models carry, and what text asks for."""

import sys
import types

import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods.names import by_number, classes_of, names_of
from tests.engine import tiny

CATS = {0: "tabby, tabby cat", 1: "tiger cat", 2: "crane", 3: "crane, bird", 4: "7", 6: "Lynx"}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("tabby, tabby cat", [0]),
        ("tabby", [0]),
        ("Tabby Cat", [0]),
        ("tabby,tiger cat", [0, 1]),
        ("lynx, 5", [6, 5]),
        ("7", [4]),
        ("5", [5]),
        ("0,20,0", [0, 20, 0]),
        ("-1", [-1]),
        ("crane", [2]),
        ("crane, bird", [3]),
    ],
)
def test_text_is_classes(text, classes):
    assert classes_of(text, CATS) == classes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tabbi", r"got 'tabbi' \(did you mean 'tabby'\?\)"),
        ("tabby,,1", "or names of classes, got 'tabby,,1'"),
        ("1,two", "got '1,two'"),
        ("", "got ''"),
        ("Crane", "name one class, not 2, 3: give its number, got 'Crane'"),
        ("١", "got '١'"),  # a digit, but not one that is written so elsewhere
    ],
)
def test_text_that_is_none(text, message):
    with pytest.raises(ValueError, match=f"^`target` must .*{message}$"):
        classes_of(text, CATS)


def carrying(**attributes) -> nn.Module:
    model = tiny.net()
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def test_a_model_carries_names():
    of_transformers = types.SimpleNamespace(id2label={"0": "cat", 1: "dog"})
    counted = types.SimpleNamespace(id2label={0: "LABEL_0", 1: "LABEL_1"})
    assert names_of(carrying(class_names=["cat", "dog"])) == {0: "cat", 1: "dog"}
    assert names_of(carrying(class_names=torch.zeros(3))) == {}
    assert names_of(carrying(config=of_transformers)) == {0: "cat", 1: "dog"}
    assert names_of(carrying(config=counted)) == names_of(carrying(config=3)) == names_of(tiny.net()) == {}


def test_names_of_timm(monkeypatch):
    info = types.SimpleNamespace(
        num_classes=lambda: 2, index_to_description=["tench", "goldfish"].__getitem__
    )
    data = types.ModuleType("timm.data")
    data.infer_imagenet_subset = lambda model: "of-two" if model.num_classes == 1000 else None
    data.ImageNetInfo = {"of-two": info}.get
    monkeypatch.setitem(sys.modules, "timm", types.ModuleType("timm"))
    monkeypatch.setitem(sys.modules, "timm.data", data)

    def of(classes, **config):
        return names_of(carrying(pretrained_cfg={"num_classes": 1000, **config}, num_classes=classes))

    assert of(1000, tag="a1_in1k") == {0: "tench", 1: "goldfish"}
    assert (
        of(7, tag="a1_in1k") == of(1000, tag="webli") == of(1000) == {}
    )  # its head, or its data, is another
    described = {"n1": "a tench"}
    assert of(1000, label_names=["n1", "n2"], label_descriptions=described) == {0: "a tench", 1: "n2"}


def test_explanations_by_name():
    images = torch.rand(2, 3, 12, 12)
    model = carrying(class_names=["cat", "dog, hound", "cup", "pen", "sea"])
    named = pyxai.explain(model, images, "gradient", "hound")
    assert torch.equal(named.attribution, pyxai.explain(tiny.net(), images, "gradient", 1).attribution)
    several = pyxai.explain(model, images, "gradient", "cup,0")
    assert several.target.tolist() == [[2, 0], [2, 0]] and several.class_names[2] == "cup"
    assert torch.equal(several.attribution[:, 1], pyxai.explain(model, images, "gradient", 0).attribution)
    assert pyxai.explain(model, images, "gradient", ["cup", "sea"]).target.tolist() == [2, 4]
    assert pyxai.explain(model, images, "gradient", [["cup", 0], [1, "3"]]).target.tolist() == [
        [2, 0],
        [1, 3],
    ]
    other = pyxai.Explainer(model, "gradient", class_names={4: "cat"})
    assert other(images, "cat").target.tolist() == [4, 4]  # what is given goes before what is carried
    assert pyxai.explain(model, images[:0], "gradient", "cup,0").attribution.shape == (0, 2, 3, 12, 12)
    with pytest.raises(ValueError, match=r"^gradient: `target` must be a class in \[0, 5\), got 20$"):
        pyxai.explain(model, images, "gradient", "0,20")


@pytest.mark.parametrize("names", ["cat", 3, {"cat": 0}, {-1: "cat"}, [0, 1]])
def test_names_of_no_form(names):
    with pytest.raises(TypeError, match=r"^`class_names` must be "):
        by_number(names)


def test_names_of_real_models():
    timm, torchvision = pytest.importorskip("timm"), pytest.importorskip("torchvision")
    names = names_of(timm.create_model("resnet10t", pretrained=False))
    assert classes_of("tabby", names) == [281] and len(names) == 1000
    assert names_of(timm.create_model("resnet10t", pretrained=False, num_classes=5)) == {}
    categories = by_number(torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"])
    assert classes_of("tabby,tiger cat", categories) == [281, 282]
