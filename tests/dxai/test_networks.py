"""Architecture: sizes as published, branches that do not mix, what the input norm hides."""

import pytest
import torch
from torch import nn

from pyxai.dxai.classifiers import ResNet18, SimpleClassifier
from pyxai.dxai.networks import Discriminator, Generator, Mapping, initialise, levels
from tests.zoo import ResNet18 as Published


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def generator(size=32, branches=3, channels=3, **options):
    network = initialise(Generator(size, branches, channels, width=4, widest=8, **options))
    return network.to(memory_format=torch.channels_last)


def inputs(size=32, n=2, channels=3):
    return torch.rand(n, channels, size, size) * 2 - 1, torch.randn(n, levels(size) + 2, 64)


@pytest.mark.parametrize(
    ("network", "millions"),
    [
        (lambda: Generator(256, 5), 3.72),
        (lambda: Mapping(256, 2), 2.77),
        (lambda: Discriminator(256, 2), 20.85),
        (lambda: Discriminator(32, 3), 18.4),
    ],
    ids=["generator", "mapping", "discriminator 256", "discriminator 32"],
)
def test_as_many_parameters_as_published(network, millions):
    with torch.device("meta"):
        assert count(network()) / 1e6 == pytest.approx(millions, abs=0.05 if millions == 18.4 else 0.005)


@pytest.mark.parametrize(("size", "bottleneck"), [(32, 16), (48, 24), (64, 16), (224, 28), (256, 16)])
def test_bottleneck(size, bottleneck):
    network = generator(size, 2)
    assert (
        network.encode(inputs(size, 1)[0]).bottleneck.shape
        == (1, 2 * min(4 * 2 ** levels(size), 8)) + (bottleneck,) * 2
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [32, 48, 64])
def test_shapes(size, channels):
    x, style = inputs(size, 2, channels)
    assert generator(size, 3, channels)(x, style).branches.shape == (2, 3, channels, size, size)
    assert Discriminator(size, 4, channels, width=4)(x).shape == (2, 4)
    assert SimpleClassifier(size, 4, channels)(x).shape == (2, 4)
    assert Mapping(size, 4, width=8)(torch.randn(2, 16), torch.tensor([3, 0])).shape == style.shape


@pytest.mark.parametrize("input_norm", [True, False])
def test_branches_do_not_mix(input_norm):
    """The gradient of a branch's image by another branch's weights is exactly zero, by its own it is not."""
    network, (x, style) = generator(64, 3, input_norm=input_norm), inputs(64)
    convolutions = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    weights = [m.weight for m in convolutions.values()]
    for branch in range(3):
        image = network(x, style).branches[:, branch]
        for name, gradient in zip(
            convolutions, torch.autograd.grad(image.square().sum(), weights), strict=True
        ):
            parts = gradient.unflatten(0, (3, -1)).flatten(1).abs().amax(1)
            assert (parts != 0).tolist() == [other == branch for other in range(3)], name


def test_one_encoding_serves_two_classes():
    network, (x, style) = generator(), inputs(n=4)
    both = network.decode(network.encode(x[:2]), style)
    apart = [network(x[:2], part) for part in style.split(2)]
    torch.testing.assert_close(both.branches, torch.cat([part.branches for part in apart]))
    assert len(both.features) == len(apart[0].features) == 2 * levels(32) + 2


def test_input_norm_hides_brightness():
    x, style = inputs(64)
    for blind in (True, False):
        network = generator(64, input_norm=blind).double()
        x, style = x.double(), style.double()
        with torch.no_grad():
            first, darker = network(x, style).branches, network(0.4 * x + 0.3, style).branches
            other = network(x.flip(0), style).branches
        moved = (first - darker).norm() / (first - other).norm()
        assert moved < 1e-3 if blind else moved > 0.1


@pytest.mark.parametrize("input_norm", [True, False])
def test_untrained_branches_do_not_saturate(input_norm):
    network, (x, style) = generator(input_norm=input_norm), inputs(n=8)
    seen = []
    network.head.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    with torch.no_grad():
        network(0.2 * x + 0.6, 1.5 * style)
    assert (seen[0].abs() > 0.96).double().mean() < 0.1  # |tanh x| for x of 2


def test_mapping_uses_the_class():
    network, z = Mapping(32, 3, width=8), torch.randn(1, 16).expand(4, 16)
    style = network(z, torch.tensor([0, 1, 2, 1]))
    assert torch.equal(style[1], style[3])
    assert not torch.allclose(style[0], style[1])
    assert not torch.allclose(style[1], style[2])


def test_resnet18_is_the_published_one():
    ours, published = ResNet18(10), Published(10)
    initialise(published)
    ours.load_state_dict(published.state_dict())
    x = torch.rand(2, 3, 64, 64)
    assert torch.equal(ours.eval()(x), published.eval()(x))


def test_simple_classifier_is_table_6():
    assert count(SimpleClassifier(256, 2)) == (
        (3 * 9 + 1) * 16 + (16 * 9 + 1) * 32 + (28 * 28 * 32 + 1) * 128 + (128 + 1) * 2
    )


@pytest.mark.parametrize("size", [16, 28, 31, 33, 66, 32.0])
def test_sizes_that_do_not_fit(size):
    for make in (Generator, lambda size: Discriminator(size, 2), lambda size: Mapping(size, 2)):
        with pytest.raises(ValueError, match=r"^`size` must be"):
            make(size)


def test_images_that_do_not_fit():
    _, style = inputs()
    with pytest.raises(ValueError, match=r"`images` must have shape \(N, 3, 32, 32\), got \(2, 1, 32, 32\)"):
        generator()(torch.zeros(2, 1, 32, 32), style)
    with pytest.raises(ValueError, match="`branches` must be a whole number of at least 2"):
        Generator(32, 1)
