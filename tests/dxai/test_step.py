"""A step is the formulas, whichever way it saves work, and leaves the classifier alone."""

import copy

import pytest
import torch

from benchmarks.bench_dxai import PlainStep
from pyxai.dxai.classifiers import SimpleClassifier
from pyxai.dxai.losses import OBJECTIVES, Objective
from pyxai.dxai.step import Diverged, Draws, Networks, Step

CLASSES, BRANCHES, ROWS = 3, 5, 4


@pytest.fixture
def networks():
    return Networks.new(32, CLASSES, branches=BRANCHES, discriminator_width=4)


@pytest.fixture
def classifier():
    return SimpleClassifier(32, CLASSES).eval().requires_grad_(False)


@pytest.fixture
def batch():
    target = torch.tensor([0, 1, 2, 1])
    return torch.rand(ROWS, 3, 32, 32) * 2 - 1, target, Draws.make(target, CLASSES, BRANCHES, 0, 0)


def weights(networks: Networks) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in networks.parameters()])


def double(draws: Draws) -> Draws:
    return Draws(draws.noise.double(), draws.alpha.double(), draws.other)


def test_the_plain_step_keeps_the_default_memory_format(networks, classifier, batch):
    step, seen = PlainStep(networks, classifier), []
    for network in (networks, classifier):
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    step(*batch)
    assert len(seen) > 50 and all(x.is_contiguous() for x in seen)


def test_step_is_the_plain_step(networks, classifier, batch):
    """In float64, where Adam's first step, the gradient's sign, does not turn by rounding."""
    images, target, draws = batch
    batch = images.double(), target, double(draws)
    networks, classifier = networks.double(), classifier.double()
    start = weights(networks)
    plain = copy.deepcopy(networks)
    Step(networks, classifier, Objective())(*batch)
    PlainStep(plain, classifier)(*batch)
    moved = (weights(networks) - start).abs()
    assert (moved > 1e-7).double().mean() > 0.9
    assert (weights(networks) - weights(plain)).abs().max() < 1e-4 * moved.max()


def test_what_the_optimisers_are_given(networks):
    """As published: Adam without momentum, weight decay in the gradient, a slower mapping network."""
    step = Step(networks, None, Objective(), rate=3e-4, mapping_rate=2e-6)
    groups = {
        "generator": step.generator_optimiser.param_groups[0],
        "mapping": step.generator_optimiser.param_groups[1],
        "discriminator": step.discriminator_optimiser.param_groups[0],
    }
    assert len(step.generator_optimiser.param_groups) + len(step.discriminator_optimiser.param_groups) == 3
    for name, group in groups.items():
        assert group["lr"] == (2e-6 if name == "mapping" else 3e-4)
        assert group["betas"] == (0.0, 0.99) and group["weight_decay"] == 1e-4
        assert not group["amsgrad"] and not group["decoupled_weight_decay"]
        own = list(getattr(networks, name).parameters())
        assert len(group["params"]) == len(own)
        assert all(a is b for a, b in zip(group["params"], own, strict=True))


def test_sharing_changes_nothing(networks, classifier, batch):
    other = copy.deepcopy(networks)
    first = Step(networks, classifier, OBJECTIVES["code"])(*batch)
    second = Step(other, classifier, OBJECTIVES["code"], share=False)(*batch)
    assert first == second
    assert torch.equal(weights(networks), weights(other))


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_accumulation(networks, classifier, batch, objective):
    images, target, draws = batch
    batch = images.double(), target, double(draws)
    networks, classifier = networks.double(), classifier.double()
    other = copy.deepcopy(networks)
    first = Step(networks, classifier, objective)(*batch)
    second = Step(other, classifier, objective, accumulate=2)(*batch)
    assert first == pytest.approx(second, rel=1e-9)
    assert (weights(networks) - weights(other)).abs().max() < 1e-8


def test_draws():
    target = torch.arange(300) % CLASSES
    draws = Draws.make(target, CLASSES, BRANCHES, 7, 2)
    again = Draws.make(target, CLASSES, BRANCHES, 7, 2)
    assert torch.equal(draws.noise, again.noise)
    assert not torch.equal(draws.noise, Draws.make(target, CLASSES, BRANCHES, 7, 3).noise)
    assert (draws.other != target).all()
    counts = torch.bincount(CLASSES * target + draws.other)
    assert counts[[1, 2, 3, 5, 6, 7]].min() > 25  # of 50 expected
    first, second, third = draws.split(100)
    assert torch.equal(torch.cat([part.alpha for part in (first, second, third)]), draws.alpha)
    assert torch.equal(second.noise, torch.cat([draws.noise[100:200], draws.noise[400:500]]))


def test_average(networks, classifier, batch):
    step = Step(networks, classifier, Objective(), decay=0.2)
    wanted = weights(networks)
    assert torch.equal(weights(step.average), wanted)  # begun after the weights were initialised
    for decay in (2 / 11, 0.2, 0.2):
        step(*batch)
        wanted = decay * wanted + (1 - decay) * weights(networks)
    torch.testing.assert_close(weights(step.average), wanted, rtol=1e-6, atol=1e-8)


def test_the_classifier_stays_as_it_is(networks, batch):
    classifier = SimpleClassifier(32, CLASSES).eval()  # with parameters that would take gradients
    before = copy.deepcopy(classifier.state_dict())
    step = Step(networks, classifier, Objective())
    step(*batch)
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in classifier.parameters())
    assert all(p.grad is None for p in networks.parameters())


def test_discriminator_as_classifier(networks, batch):
    """C = D: it learns from the labels, and there is nothing to distil."""
    step = Step(networks, None, Objective(), rate=1e-3)
    reports = [step(*batch) for _ in range(12)]
    assert "distillation" not in reports[0]
    assert reports[-1]["classification"] < reports[0]["classification"]
    assert reports[-1]["reconstruction"] < reports[0]["reconstruction"]


def test_losses_left_out(networks, classifier, batch):
    objective = Objective(distillation=0, distinct_reconstruction=0, orthogonality=0, gradient_penalty=0)
    assert Step(networks, classifier, objective)(*batch).keys() == {
        "real", "fake", "adversarial", "class_fake", "reconstruction",
    }  # fmt: skip


def test_mixed_precision(networks, classifier, batch):
    other = copy.deepcopy(networks)
    exact = Step(networks, classifier, Objective())(*batch)
    mixed = Step(other, classifier, Objective(), bf16=True)(*batch)
    assert mixed == pytest.approx(exact, rel=0.05, abs=0.02)
    assert mixed != exact
    assert {parameter.dtype for parameter in other.parameters()} == {torch.float32}


def test_divergence_is_seen_before_the_weights_are_touched(networks, classifier, batch):
    images, target, draws = batch
    before = weights(networks)
    images = images.clone()
    images[0, 0, 0, 0] = float("nan")
    with pytest.raises(Diverged, match="training diverged: the real loss is nan"):
        Step(networks, classifier, Objective())(images, target, draws)
    assert torch.equal(weights(networks), before)
