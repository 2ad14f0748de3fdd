"""Image classifiers of transformers, from a local folder."""

import json

import pytest
import torch

from pyxai.engine import InputError, Preprocess
from pyxai.engine.models.load import load_model
from pyxai.engine.models.transformers import preprocess_of


def test_transformers_from_a_local_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_labels=3)
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"has no preprocessor_config\.json"):
        load_model(f"hf:{tmp_path}")
    processor = {
        "size": {"shortest_edge": 40},
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.2, 0.2, 0.2],
        "resample": 3,
        "image_processor_type": "ViTImageProcessor",
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    loaded = load_model(f"hf:{tmp_path}")
    assert not loaded.model.training
    assert loaded.preprocess == Preprocess(
        resize=40, crop=32, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), interpolation="bicubic"
    )
    assert loaded.model(torch.rand(2, 3, 32, 32)).logits.shape == (2, 3)


NORMALISED = {"image_mean": [0.5] * 3, "image_std": [0.2] * 3}


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        pytest.param(
            {"size": 224, **NORMALISED},
            Preprocess(resize=224, crop=224, mean=(0.5,) * 3, std=(0.2,) * 3),
            id="one number",
        ),
        pytest.param(
            {"size": {"height": 30, "width": 40}, "do_normalize": False, "resample": 0},
            Preprocess(resize=30, crop=30, interpolation="nearest"),
            id="height and width",
        ),
        pytest.param(
            {"size": {"shortest_edge": 224}, "crop_pct": 0.875, "do_normalize": False},
            Preprocess(resize=256, crop=224),
            id="a share that is cropped",
        ),
        pytest.param(
            {"size": 64, "do_resize": False, "do_rescale": False, "do_normalize": False},
            Preprocess(resize=None, crop=64, scale=255.0),
            id="neither resized nor rescaled",
        ),
    ],
)
def test_what_the_hub_says_of_preprocessing(config, wanted):
    assert preprocess_of(config) == wanted
