"""What is traced shares the model's tensors and nothing else; users' hooks are no part of it."""

import functools
import threading
import weakref

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

import pyxai
from pyxai.capture.isolated import NotCopied, hooked, isolated

IMAGES = torch.rand(2, 3, 8, 8, dtype=torch.float64)


def network():
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)
    return nn.Sequential(*layers).double().eval()


def test_tensors_are_shared_and_modules_are_not():
    model = network()
    copied = isolated(model)
    ours, theirs = ({**dict(m.named_parameters()), **dict(m.named_buffers())} for m in (copied, model))
    assert ours.keys() == theirs.keys() and all(ours[name] is theirs[name] for name in ours)
    assert not {*copied.modules()} & {*model.modules()}
    assert torch.equal(copied(IMAGES), model(IMAGES))


@torch.library.custom_op("pyxai_tests::halved", mutates_args=())
def halved(x: torch.Tensor) -> torch.Tensor:
    return x / 2


class Odd(nn.Module):
    """Keeps modules and tensors where no module is told of them."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3).double(), nn.Linear(4, 5).double()
        self.again = [self.conv]
        self.scale = torch.rand(4, 1, 1, dtype=torch.float64)
        self.shift = [(self.fc.weight @ torch.ones(4, 1, dtype=torch.float64)).T]  # no leaf
        self.head = self.last
        self.mean = functools.partial(torch.mean, dim=(2, 3))
        self.act = lambda x: x.clamp(min=0)
        self.halved = halved

    def last(self, x):
        return self.fc(x) + self.shift[0]

    def forward(self, x):
        self.seen = self.act(self.scale * self.again[0](x))
        return self.head(self.mean(self.halved(self.seen)))


def test_what_no_module_registered_is_shared_or_leads_into_the_copy():
    model = Odd().eval()
    copied = isolated(model)
    assert copied.again[0] is copied.conv is not model.conv
    assert copied.scale is model.scale and copied.shift[0] is model.shift[0]
    assert copied.head.__self__ is copied and copied.halved is halved
    assert torch.equal(copied(IMAGES), model(IMAGES))
    del model.seen
    copied(IMAGES)
    assert not hasattr(model, "seen")


def test_users_hooks_are_left_out_and_named():
    model, calls = network(), []
    model[0].register_forward_hook(lambda *_: calls.append(0))
    model[2].register_forward_pre_hook(functools.partial(lambda *_: calls.append(2)))
    model[4].register_full_backward_hook(lambda *_: calls.append(4))
    model.register_forward_hook(Keeper().keep)
    copied = isolated(model)
    copied(IMAGES.requires_grad_()).sum().backward()
    IMAGES.requires_grad_(False)
    assert calls == []
    assert hooked(model) == ["", "0", "2"] and hooked(copied) == []
    assert len(model[0]._forward_hooks) == len(model._forward_hooks) == 1


class Keeper:
    """Its hooks cannot be copied."""

    def __init__(self):
        self.lock = threading.Lock()

    def keep(self, *_):
        raise AssertionError


class Halved(prune.BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def compute_mask(self, _, default_mask):
        return default_mask.clone().index_fill_(0, torch.tensor([0]), 0)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    "change",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        functools.partial(prune.l1_unstructured, name="weight", amount=0.3),
        functools.partial(Halved.apply, name="weight"),
    ],
)
def test_what_torch_does_by_hooks_is_part_of_the_model(change):
    model = network()
    change(model[4])
    model.eval()
    copied = isolated(model)
    assert hooked(model) == []
    assert torch.equal(copied(IMAGES), model(IMAGES))
    for parameter in model.parameters():
        parameter.data.mul_(2)
    assert torch.equal(copied(IMAGES), model(IMAGES))  # weights are made anew, from the tensors they share


def test_what_cannot_be_copied_says_why():
    model = network()
    model.lock = threading.Lock()
    with pytest.raises(
        NotCopied, match=r"^it cannot be copied: TypeError: cannot pickle '_thread.lock' object$"
    ):
        isolated(model)
    scripted = nn.Sequential(torch.jit.script(network()), nn.Softmax(1))
    with pytest.raises(NotCopied, match=r"^it is scripted, in `0`$"):
        isolated(scripted)
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        with pytest.raises(NotCopied, match=r"^hooks are set on all modules, which a trace would call$"):
            isolated(network())
    finally:
        handle.remove()


SHIFTS = {}  # what a global or a function's cache keeps, no copy of a model has for itself


class Shifts(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.net, self.size = network(), size

    def forward(self, x):
        return self.net(x + SHIFTS.setdefault(self.size(x), torch.ones(len(x), 1, 1, 1, dtype=x.dtype)))


@pytest.mark.parametrize("size", [len, lambda x: (len(x), x.shape, torch.is_grad_enabled())])
def test_what_a_model_keeps_outside_of_it_is_no_traces(size):
    SHIFTS.clear()
    model = Shifts(size).eval()
    assert pyxai.explain(model, IMAGES, "gradient", 1).attribution.any()
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    assert type(model(images).detach()) is torch.Tensor
    with torch.no_grad():
        assert type(model(images)) is torch.Tensor


def test_a_copy_keeps_nothing_alive():
    model = network()
    copied, gone = isolated(model), weakref.ref(model)
    del model
    assert gone() is None
    copied(IMAGES)
