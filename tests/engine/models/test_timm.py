"""Models of timm, made without a network."""

import pytest

from pyxai.engine import InputError, Preprocess
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
