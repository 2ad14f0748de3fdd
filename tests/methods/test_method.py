"""The table of methods, and options read from keywords and from text."""

import dataclasses

import pytest
import torch

import pyxai
from pyxai.methods import Method, Needs, build, get_method, parse_options
from pyxai.methods.method import REGISTRY


@pytest.mark.parametrize("name", pyxai.list_methods())
def test_every_method_is_a_documented_frozen_dataclass(name):
    method = get_method(name)
    assert dataclasses.is_dataclass(method) and method.__dataclass_params__.frozen
    assert method.summary().endswith((".", ")", ").")) and len(method.summary()) < 130
    for option in method.options().values():
        assert option.doc, f"{name}: {option.name} is not documented"
        assert option.kind


def test_a_file_is_a_method_and_a_folder_is_its_family():
    for name in pyxai.list_methods():
        method = get_method(name)
        assert method.__module__ == f"pyxai.methods.{method.family}.{name}"


def test_unknown_method_names_the_nearest():
    with pytest.raises(ValueError, match="no method 'salency' \\(did you mean 'saliency'\\?\\)"):
        get_method("salency")


def test_unknown_option_names_the_nearest_and_the_method():
    with pytest.raises(
        ValueError, match=r"^integrated_gradients: no option `step` \(did you mean 'steps'\?\)"
    ):
        build("integrated_gradients", {"step": 3})


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("integrated_gradients", {"steps": 0}, "`steps` must be a positive whole number, got 0"),
        ("integrated_gradients", {"steps": 2.5}, "`steps` must be a positive whole number, got 2.5"),
        ("integrated_gradients", {"steps": 8, "tolerance": 0.1}, "give one of them"),
        ("integrated_gradients", {"tolerance": 2.0}, "`tolerance` must be a number between 0 and 1, got 2.0"),
        ("integrated_gradients", {"rule": "simpson"}, "`rule` must be one of 'midpoint'"),
        ("integrated_gradients", {"rule": "trapezoid"}, "needs `steps`"),
        ("integrated_gradients", {"rule": "trapezoid", "steps": 1}, "`steps` must be at least 2"),
        ("integrated_gradients", {"samples": 4}, "needs `noise_scale` above 0"),
        ("smoothgrad", {"of": "vargrad"}, "`of` must be a method that is not itself an average"),
        ("smoothgrad", {"of": "spectral_residual"}, "`of` must be a method that explains a model"),
        ("smoothgrad", {"of_options": {"steps": 3}}, "gradient: no option `steps`"),
        (
            "smoothgrad",
            {"noise_scale": -0.1},
            "`noise_scale` must be a number that is not negative, got -0.1",
        ),
        ("expected_gradients", {"samples": True}, "`samples` must be a positive whole number, got True"),
        ("saliency", {"reduce": "sum"}, "`reduce` must be one of 'max'"),
    ],
)
def test_bad_option_values_name_option_and_value(name, options, message):
    with pytest.raises(ValueError, match=f"^{name}: .*{message}"):
        build(name, options)


def test_options_from_text():
    read = parse_options(
        "integrated_gradients", ["steps=64", "baseline=black", "low=-2,-1.5,-1", "rule=riemann_left"]
    )
    assert read == {"steps": 64, "baseline": "black", "low": (-2.0, -1.5, -1.0), "rule": "riemann_left"}
    assert parse_options("integrated_gradients", ["tolerance=0.01", "baseline=0.5", "steps=none"]) == {
        "tolerance": 0.01,
        "baseline": 0.5,
        "steps": None,
    }


def test_options_of_a_wrapped_method_from_text():
    read = parse_options("smoothgrad", ["samples=9", "of=integrated_gradients", "of.steps=8"])
    assert read == {"samples": 9, "of": "integrated_gradients", "of_options": {"steps": 8}}
    assert build("smoothgrad", read).inner.steps == 8


@pytest.mark.parametrize(
    "text, message",
    [
        ("steps", "options are written name=value, got 'steps'"),
        ("stepz=3", "no option `stepz` \\(did you mean 'steps'"),
        ("steps=many", "`steps` must be int, got 'many'"),
        ("of.steps=3", "no option `of.steps`"),
    ],
)
def test_bad_text(text, message):
    with pytest.raises(ValueError, match=f"^integrated_gradients: {message}"):
        parse_options("integrated_gradients", [text])


@pytest.fixture
def registry():
    before = dict(REGISTRY)
    yield REGISTRY
    REGISTRY.clear()
    REGISTRY.update(before)


def test_a_default_alone_changes_the_default_of_an_inherited_option(registry):
    lrp = get_method("lrp")
    mine = type("Mine", (lrp,), {"name": "test_mine", "bias": "ignore", "__module__": __name__})
    assert mine().bias == "ignore" and mine.options()["bias"].default == "ignore"
    assert lrp().bias == "absorb" and mine.family == "third-party"


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        ({"__annotations__": {"k": int}}, "the option `k` must have a default"),
        ({"__annotations__": {"needs": int}, "needs": 3}, "no option may be called `needs`"),
        ({"__annotations__": {"k": "Nowhere"}, "k": 3}, "the annotation of an option cannot be resolved"),
    ],
)
def test_what_would_break_later_is_refused_where_it_is_written(registry, namespace, message):
    with pytest.raises(TypeError, match=f"^test_broken: {message}"):
        type("Broken", (Method,), namespace | {"name": "test_broken", "__module__": __name__})
    assert "test_broken" not in registry


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        (3, {}, TypeError, "`method` must be the name of a method, got 3"),
        (
            "smoothgrad",
            {"of": None},
            TypeError,
            "smoothgrad: `method` must be the name of a meth",
        ),
        ("smoothgrad", {"of_options": None}, TypeError, "smoothgrad: `of_options` must be a dictionary"),
        (
            "cartoonx",
            {"colour": "false"},
            ValueError,
            "`colour` must be True or False, got 'false'",
        ),
    ],
)
def test_options_of_the_wrong_kind(name, options, error, message):
    with pytest.raises(error, match=message):
        build(name, options)


def test_an_error_in_a_methods_own_code_keeps_its_traceback(registry):
    def attribute(self, executor, request):
        return 1 + None

    namespace = {"name": "test_failing", "attribute": attribute, "__module__": __name__}
    type("Failing", (Method,), namespace | {"needs": Needs.NOTHING})
    with pytest.raises(TypeError, match=r"^test_failing: unsupported operand") as caught:
        pyxai.explain(None, torch.zeros(1, 1, 2, 2), "test_failing")
    assert any(entry.name == "attribute" for entry in caught.traceback)
