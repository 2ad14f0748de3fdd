"""Models of timm, made without a network."""

import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.called import Called
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import weights_hash


def test_timm_brings_its_preprocessing():
    pytest.importorskip("timm")
    loaded = load_model("timm:resnet10t?weights=none")
    again = load_model("timm:resnet10t?weights=none")
    assert not loaded.model.training
    assert weights_hash(loaded.model) == weights_hash(again.model)
    assert loaded.preprocess == Preprocess(  # resize is 176 / 0.875, rounded down as timm does
        resize=201, crop=176, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bicubic"
    )
    with pytest.raises(InputError, match="not available"):
        load_model("timm:no_such_net?weights=none")
    with pytest.raises(InputError, match="weights are a file or none, got 'DEFAULT'"):
        load_model("timm:resnet10t?weights=DEFAULT")


def test_pictures_that_are_squashed_go_through_the_transform_of_timm(monkeypatch):
    timm = pytest.importorskip("timm")
    resolve = timm.data.resolve_data_config
    squash = {"crop_mode": "squash", "crop_pct": 1.0}
    monkeypatch.setattr(
        timm.data, "resolve_data_config", lambda *given, **named: resolve(*given, **named) | squash
    )
    called = load_model("timm:resnet10t?weights=none").preprocess
    assert isinstance(called, Called)
    picture = Image.new("RGB", (40, 60))
    picture.paste("white", (0, 0, 40, 6))  # cropped to the centre, it would be black
    assert called.picture(picture).shape == (3, 176, 176)
    assert called.picture(picture).max() > 1
