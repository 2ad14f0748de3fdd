"""Layers that compute with complex numbers: spectra, filters of them, phases, short-time spectra.

The oracle is autograd through the eager model, with the other backward pass of its ReLUs.
"""

import pytest
import torch
from torch import nn

import pyxai
from tests.graphs import distance
from tests.methods.propagation.rectified import Backward

FILTER = torch.randn(4, 8, 5, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
PLANE = torch.randn(4, 8, 8, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


class Spectral(nn.Module):
    """``function`` of rectified maps (n, 4, 8, 8), rectified again, and a head."""

    def __init__(self, function, relu=torch.relu):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 5)
        self.plane, self.filter = nn.Parameter(PLANE), nn.Parameter(FILTER)
        self.function, self.relu = function, relu

    def forward(self, x):
        maps = self.function(self, self.relu(self.conv(x)))
        return self.head(self.relu(maps).flatten(2).mean(2))


def plane(net):
    return torch.view_as_complex(net.plane)


def convolved(net, x):
    """A filter of the spectrum, as GFNet and FNO have it."""
    return torch.fft.irfft2(torch.fft.rfft2(x) * torch.view_as_complex(net.filter), s=x.shape[-2:])


def mixed(net, x):
    """A filter that mixes channels, as FNO has it."""
    weight = torch.view_as_complex(net.filter)[:, None].expand(-1, 4, -1, -1)
    return torch.fft.irfft2(torch.einsum("bchw,cohw->bohw", torch.fft.rfft2(x), weight), s=x.shape[-2:])


def short_time(net, x):
    window = torch.hann_window(16, dtype=x.dtype)
    return (
        torch.stft(x.flatten(0, 1).flatten(1), 16, 8, window=window, return_complex=True)
        .abs()
        .unflatten(0, (-1, 4))
    )


def inverted(net, x):
    window = torch.ones(16, dtype=x.dtype)
    spectrum = torch.stft(x.flatten(1), 16, 8, window=window, return_complex=True)
    return torch.istft(spectrum * 2j, 16, 8, window=window, length=256).unflatten(1, (4, 8, 8))


def normalised(net, x):
    """A complex batch norm's mean and size."""
    spectrum = torch.fft.fft2(x) + 0.1
    spectrum = spectrum - spectrum.mean((2, 3), keepdim=True)
    return (spectrum / (1 + spectrum.abs().square().mean((2, 3), keepdim=True)).sqrt()).abs()


LAYERS = {
    "filter": convolved,
    "filter of mixed channels": mixed,
    "real part": lambda net, x: torch.fft.fft2(x).real,
    "imaginary part": lambda net, x: torch.fft.fft2(x * plane(net), norm="ortho").imag,
    "size": lambda net, x: (torch.fft.fft2(x) + 0.1).abs(),
    "phase": lambda net, x: (torch.fft.fft2(x * plane(net)) + 3).angle(),
    "direction": lambda net, x: torch.sgn(x * plane(net) + 1).imag,
    "pairs": lambda net, x: torch.view_as_real(torch.fft.fft2(x)).sum(-1),
    "sum with a complex constant": lambda net, x: torch.add(plane(net), x, alpha=2).imag * x,
    "product with a complex constant": lambda net, x: (x * plane(net)).abs(),
    "matrix of complex numbers": lambda net, x: (x.to(plane(net).dtype) @ plane(net)[0]).abs(),
    "conjugate": lambda net, x: (torch.fft.fft2(x) * torch.fft.fft2(x.flip(1)).conj()).real,
    "polar": lambda net, x: torch.polar(x + 1, x.flip(1)).real,
    "two parts": lambda net, x: torch.view_as_real(torch.complex(x, x.flip(1)) * plane(net)).sum(-1),
    "exponential": lambda net, x: torch.exp(1j * x).imag,
    "choice": lambda net, x: torch.where(x > 0.2, torch.fft.fft2(x), x * plane(net)).real,
    "difference": lambda net, x: (1j - torch.fft.ifft2(x * plane(net))).imag,
    "normalised": normalised,
    "short time": short_time,
    "short time and back": inverted,
}  # fmt: skip


def network(name, relu=torch.relu):
    torch.manual_seed(0)
    return Spectral(LAYERS[name], relu).double().eval()


def pixels():
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


RELUS = {
    "guided_backprop": lambda x: Backward.apply(x, True),
    "deconvnet": lambda x: Backward.apply(x, False),
}


@pytest.mark.parametrize("method", RELUS)
@pytest.mark.parametrize("name", LAYERS)
def test_complex_numbers_pass_by_the_gradient_of_autograd(name, method):
    leaf = pixels().requires_grad_(True)
    (expected,) = torch.autograd.grad(network(name, RELUS[method])(leaf)[:, 1].sum(), leaf)
    assert expected.abs().max() > 1e-6  # no rounding error of a map that is zero by symmetry
    found = pyxai.explain(network(name), pixels(), method, target=1).attribution
    assert distance(found, expected) <= 1e-12


@pytest.mark.parametrize(
    "name, method",
    [
        *((name, method) for name in LAYERS for method in ("lrp", "deeplift")),
        ("filter", "deep_taylor"),
        ("filter", "excitation_backprop"),
    ],
)
def test_rules_for_real_numbers_are_not_asked_for_complex_ones(name, method):
    with pytest.raises(ValueError, match=rf"^{method}: no rule for the operation `\w+` in [^\n]*$"):
        pyxai.explain(network(name), pixels(), method, target=1)


def test_lrp_passes_a_layer_of_complex_numbers_by_its_name():
    class Phase(nn.Module):
        def forward(self, x):
            return torch.fft.fft2(x).abs()

    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), Phase(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(4, 5, bias=False)).double().eval()
    rules = pyxai.propagation
    composite = rules.Composite(rules.ZPlus(), rules.Epsilon()).at("2", rules.Pass())
    found = pyxai.explain(model, pixels(), "lrp", 1, composite=composite)
    assert found.attribution.dtype == torch.float64 and found.residual.max() <= 1e-4
