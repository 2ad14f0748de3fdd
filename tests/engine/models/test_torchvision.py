"""Models of torchvision, made without a network."""

import pytest
import torch

from pyxai.engine import InputError, Preprocess
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import weights_hash


def test_torchvision_brings_its_preprocessing():
    pytest.importorskip("torchvision")
    loaded = load_model("torchvision:resnet18?weights=none")
    assert not loaded.model.training
    assert loaded.preprocess == Preprocess(
        resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bilinear"
    )
    for spec in ("torchvision:no_such_net", "torchvision:resnet18?weights=NO_SUCH"):
        with pytest.raises(InputError, match="not available"):
            load_model(spec)


def test_random_weights_are_the_same_in_every_run_and_cost_the_caller_no_draw():
    pytest.importorskip("torchvision")
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    hashes = {weights_hash(load_model("torchvision:squeezenet1_1?weights=none").model) for _ in range(2)}
    assert len(hashes) == 1
    assert torch.equal(torch.rand(2), wanted)
