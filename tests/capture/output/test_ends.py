"""Which graphs end in a softmax or a sigmoid, by what the values are and not by how it is written."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.export import export
from pyxai.capture.output.ends import Below, find_end, take_off

IMAGES = torch.rand(3, 2, 4, 4, dtype=torch.float64)


class Ending(nn.Module):
    """Four (or six) numbers an image, and what is made of them."""

    def __init__(self, function, width=4):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Linear(32, width).double()
        self.function = function

    def forward(self, images):
        return self.function(self.body(images.flatten(1)))


def graph(function, **options):
    module = export(Classifier(Ending(function, **options).eval(), any_shape=True), IMAGES)
    canonicalise(module)
    return module


def attention(z):
    return (z[:, :, None] * z[:, None]).softmax(-1).sum(1)


UNCHANGED = {
    "softmax": (lambda z: z.softmax(1), "softmax"),
    "last axis": (lambda z: F.softmax(z, dim=-1), "softmax"),
    "log_softmax": (lambda z: F.log_softmax(z, 1), "log_softmax"),
    "a temperature": (lambda z: (z / 3).softmax(1), "softmax"),
    "reshaped": (lambda z: z.softmax(1).reshape(-1, 2, 2).flatten(1), "softmax"),
    "permuted": (lambda z: z.softmax(1)[:, [2, 0, 1, 3]], "softmax"),
    "some classes": (lambda z: z.softmax(1)[:, 1:3], "softmax"),
    "cast": (lambda z: z.float().softmax(1).double(), "softmax"),
    "a pixel of a map": (lambda z: z[..., None].expand(-1, -1, 3).softmax(1)[..., 2], "softmax"),
    "moved axes": (lambda z: z[:, None, None, :].softmax(-1).permute(0, 3, 1, 2).flatten(1), "softmax"),
    "split and taken": (lambda z: z.softmax(1).split(2, 1)[1], "softmax"),
    "a map of classes": (lambda z: z[..., None, None].expand(-1, -1, 2, 3).softmax(1), "softmax"),
    "exponential of logarithms": (lambda z: F.log_softmax(z, 1).exp(), "softmax"),
    "logarithm of softmax": (lambda z: z.softmax(1).log(), "log_softmax"),
    "sigmoids": (lambda z: z.sigmoid(), "sigmoid"),
    "one sigmoid": (lambda z: torch.sigmoid(z[:, :1]).squeeze(1), "sigmoid"),
}
CHANGED = {
    "none": lambda z: z,
    "times a constant": lambda z: 2 * z.softmax(1),
    "an average": lambda z: (z.softmax(1) + (2 * z).softmax(1)) / 2,
    "a wrong axis": lambda z: z.reshape(-1, 2, 2).softmax(2).flatten(1),
    "a map over pixels": lambda z: z[..., None].expand(-1, -1, 3).softmax(2),
    "two heads": lambda z: torch.cat([z[:, :2].softmax(1), z[:, 2:].softmax(1)], 1),
    "one class": lambda z: z.softmax(1)[:, 1],
    "a class twice": lambda z: z.softmax(1)[:, [0, 1, 1, 2]],
    "in the middle": attention,
    "a square": lambda z: z.softmax(1).square(),
    "a sum of sigmoids": lambda z: z.sigmoid() + z.sigmoid().flip(1),
    "an exponential": lambda z: z.exp(),
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_it_is_found_and_taken_off(name):
    function, kind = UNCHANGED[name]
    module = graph(function)
    returned = module(IMAGES)
    end = find_end(module, IMAGES)
    assert end.name == kind
    take_off(module, end)
    below = module(IMAGES)
    assert find_end(module, IMAGES) is None and below.shape == returned.shape
    if kind == "sigmoid":
        torch.testing.assert_close(below.sigmoid(), returned)
    else:  # differences of logits are those of log-probabilities
        logs = returned if kind == "log_softmax" else returned.log()
        close = {"rtol": 1e-5, "atol": 1e-5} if name == "cast" else {}
        torch.testing.assert_close(below - below[:, :1], logs - logs[:, :1], **close, check_dtype=False)


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_changed_on_the_way_is_left(name):
    assert find_end(graph(CHANGED[name]), IMAGES) is None


@pytest.mark.parametrize("name", UNCHANGED)
def test_gradients_pass_it_by_in_the_graph_and_in_the_model(name):
    function, _ = UNCHANGED[name]
    model = Classifier(Ending(function).eval(), any_shape=True)
    module = graph(function)
    end = find_end(module, IMAGES)
    both, below = (Below(model, end), Below(module, end)), graph(function)
    take_off(below, find_end(below, IMAGES))

    def gradient(run):
        leaf = IMAGES.clone().requires_grad_(True)
        values = run(leaf.clone()).flatten(1)
        weights = torch.linspace(-1, 2, values.numel()).reshape(values.shape).to(values)
        return torch.autograd.grad(values, leaf, weights)[0]

    wanted = gradient(below)
    for run in both:
        torch.testing.assert_close(gradient(run), wanted)
        assert torch.equal(run(IMAGES), model(IMAGES).flatten(1))
