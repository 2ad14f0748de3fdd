"""Between an explanation and the arrays of a store."""

import numpy as np
import torch

import pyxai
from pyxai.engine.store.results import as_arrays, describe, not_finite, tensors, zero_maps
from pyxai.methods.explanation import Explanation
from tests.engine import tiny


def explained(method="integrated_gradients", target=None, **options):
    images = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    return pyxai.explain(tiny.net(), images, method, target, **options)


def test_what_is_kept():
    explanation = explained(steps=2)
    numbers = ["target", "score", "delta", "residual", "evaluations", "zero_map"]
    assert list(tensors(explanation, "heatmap")) == ["heatmap", *numbers]
    assert list(tensors(explanation, "attribution")) == ["attribution", *numbers]
    both = tensors(explanation, "both")
    assert list(both) == ["heatmap", "attribution", *numbers]
    assert torch.equal(both["heatmap"], explanation.attribution.sum(1))
    plain = ["heatmap", "target", "score", "evaluations", "zero_map"]
    assert list(tensors(explained("gradient"), "heatmap")) == plain


def test_what_else_a_method_tells_is_kept_beside_what_has_its_shape():
    explanation = explained("gradient")
    explanation.extras = {
        "number": torch.zeros(3), "part": torch.zeros(3, 3, 12, 12), "other": torch.zeros(2)
    }  # fmt: skip
    assert "number" in tensors(explanation, "heatmap") and "part" not in tensors(explanation, "heatmap")
    assert {"number", "part"} < tensors(explanation, "attribution").keys()
    assert "other" not in tensors(explanation, "both")


def test_maps_of_zeros_are_counted_and_are_no_array():
    explanation = explained("gradient", "top2")
    assert "zero_map" not in describe(tensors(explanation, "heatmap"), "float32")
    explanation.extras["zero_map"] = torch.tensor([[True, True], [False, True], [False, False]])
    assert zero_maps(explanation).tolist() == [2, 1, 0]
    assert zero_maps(Explanation(torch.zeros(2, 1, 4, 4), *[None] * 6, method="x")).tolist() == [0, 0]
    arrays = as_arrays(tensors(explanation, "heatmap"), {"zero_map": {"shape": [2], "dtype": "bool"}})
    assert arrays["zero_map"].sum() == 3  # of a store that an earlier version began


def test_shapes_and_dtypes():
    values = tensors(explained(target="top2", steps=2), "both")
    del values["zero_map"]
    described = describe(values, "float16")
    assert described["heatmap"] == {"shape": [2, 12, 12], "dtype": "float16"}
    assert described["attribution"] == {"shape": [2, 3, 12, 12], "dtype": "float16"}
    assert described["target"] == {"shape": [2], "dtype": "int64"}
    assert described["residual"] == {"shape": [2], "dtype": "float64"}
    assert describe({"score": torch.zeros(3, dtype=torch.bfloat16)}, "float16")["score"]["dtype"] == "float32"
    arrays = as_arrays(values, described)
    assert {name: (list(array.shape[1:]), array.dtype.name) for name, array in arrays.items()} == {
        name: (entry["shape"], entry["dtype"]) for name, entry in described.items()
    }
    np.testing.assert_array_equal(arrays["heatmap"], values["heatmap"].numpy().astype(np.float16))


def test_values_that_are_not_finite_are_found_by_place_and_name():
    values = {"score": np.zeros(4), "heatmap": np.zeros((4, 2, 2)), "target": np.zeros(4, int)}
    assert not_finite(values) == {}
    values["heatmap"][2, 0, 1] = np.inf
    values["score"][[1, 2]] = np.nan
    assert not_finite(values) == {1: "score", 2: "score"}


def test_an_explanation_without_a_model_has_its_map_alone():
    bare = Explanation(torch.zeros(2, 1, 4, 4), *[None] * 6, method="x")
    assert list(tensors(bare, "heatmap")) == ["heatmap"]


def test_axes_are_described_where_maps_are_no_pictures():
    found = explained("layer_gradient_x_activation", "top2", layer="6")
    described = describe(tensors(found, "attribution"), "float32", found.axes)
    assert described["attribution"] == {"shape": [2, 5], "dtype": "float32", "axes": ["unit"]}
    assert "axes" not in described["score"]
    pictures = explained("gradient")
    assert "axes" not in describe(tensors(pictures, "both"), "float32", pictures.axes)["attribution"]
