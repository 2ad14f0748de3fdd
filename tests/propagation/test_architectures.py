"""Networks of torchvision with what the zoo does not have: shifted windows, grids, shuffled channels."""

import pytest
import torch

import pyxai
from tests import torchvision_shim, zoo

pytestmark = pytest.mark.slow
SIZES = {"maxvit_t": 224, "swin_t": 64, "swin_v2_t": 64, "shufflenet_v2_x0_5": 64, "regnet_y_400mf": 64}


@pytest.mark.parametrize("name", SIZES)
def test_sums(name):
    torchvision_shim.install()
    from torchvision.models import get_model

    torch.manual_seed(0)
    model = get_model(name, weights=None).double().eval()
    image = zoo.photographs(1, SIZES[name]).double()
    for rule in ("rescale", "reveal_cancel"):
        assert pyxai.explain(model, image, "deeplift", 1, rule=rule).residual.max() <= 1e-9
    exact = {"composite": "epsilon", "epsilon": 0.0}
    assert pyxai.explain(model, image, "lrp", 1, **exact).residual.max() <= 1e-8
