"""Gradients of several classes of many images, in calls of few rows."""

import torch

from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from pyxai.methods.gradient.maps import gradient_maps
from pyxai.methods.request import Request
from pyxai.methods.targets import parse_target
from tests import unfriendly
from tests.methods import oracle


def test_every_image_and_class_against_autograd():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(5)
    wanted = torch.tensor([[0, 2], [1, 1], [3, 0], [2, 1], [0, 3]])
    request = Request(images, parse_target(wanted, images), torch.arange(5))
    found = gradient_maps(Executor(capture(Classifier(model), images), 2), request)
    assert torch.equal(found.target, wanted) and found.evaluations.tolist() == [1] * 5
    torch.testing.assert_close(found.score, model(images).gather(1, wanted).detach())
    for column, maps in enumerate(found.attribution):
        plain = [
            oracle.gradient(model, image, int(row[column])) for image, row in zip(images, wanted, strict=True)
        ]
        assert oracle.relative_l1(maps, torch.stack(plain)) <= 1e-13
    assert found.expected is found.standard_error is None
