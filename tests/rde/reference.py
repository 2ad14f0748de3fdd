"""CartoonX as its paper writes it, in float64: PyWavelets, torch's autograd and torch's Adam, one image."""

import numpy as np
import pywt
import torch
from torch import Tensor

from pyxai.ops import normal_noise


class Inverse(torch.autograd.Function):
    """PyWavelets' inverse transform of rows (R, K), and its transpose, a matrix that is written down once."""

    @staticmethod
    def forward(ctx, rows, basis):
        ctx.save_for_backward(basis)
        return rows @ basis

    @staticmethod
    def backward(ctx, grad):
        (basis,) = ctx.saved_tensors
        return grad @ basis.T, None


def coefficients(plane: np.ndarray, wavelet: str, levels: int) -> tuple[np.ndarray, list[int]]:
    """PyWavelets' coefficients of a plane in one row, and the sizes of its parts."""
    low, *details = pywt.wavedec2(plane, wavelet, "zero", levels)
    planes = [low.ravel()] + [np.concatenate([band.ravel() for band in level]) for level in details]
    return np.concatenate(planes), [len(part) for part in planes]


def inverse_basis(shape: tuple[int, int], wavelet: str, levels: int) -> Tensor:
    """(K, H·W): what PyWavelets makes of each coefficient alone."""
    low, *details = pywt.wavedec2(np.zeros(shape), wavelet, "zero", levels)
    rows = []
    for level in [(low,), *details]:
        for band in level:
            for i in range(band.size):
                band.flat[i] = 1
                rows.append(pywt.waverec2([low, *details], wavelet)[: shape[0], : shape[1]].ravel())
                band.flat[i] = 0
    return torch.from_numpy(np.stack(rows))


def cartoonx(model, image: Tensor, sample_id: int, wavelet: str, levels: int, **options) -> dict[str, Tensor]:
    """Mask, losses and picture of ``image`` (C, H, W) after ``steps`` steps; draws as pyxai numbers them."""
    channels, *shape = image.shape
    found = [coefficients(plane.numpy(), wavelet, levels) for plane in image]
    h, sizes = torch.from_numpy(np.stack([row for row, _ in found])), found[0][1]
    basis = inverse_basis(tuple(shape), wavelet, levels)
    parts = h.split(sizes, 1)
    centre = torch.cat([part.mean().expand(size) for part, size in zip(parts, sizes, strict=True)])
    spread = torch.cat([part.std().expand(size) for part, size in zip(parts, sizes, strict=True)])
    mask = torch.ones(h.shape[1], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([mask], lr=options["learning_rate"])
    with torch.no_grad():
        probabilities = model(image[None]).softmax(1)[0]
    target, losses = probabilities.argmax(), []
    samples = options["samples"]
    ids = torch.full((samples,), sample_id)
    for step in range(options["steps"]):
        draws = step * samples + torch.arange(samples)
        noise = normal_noise(ids, draws, options["seed"], tuple(h.shape), torch.float64)
        v = centre + spread * noise
        y = Inverse.apply((mask * h + (1 - mask) * v).flatten(0, 1), basis)
        y = y.reshape(samples, channels, *shape).clamp(0, 1)
        distortion = (probabilities[target] - model(y).softmax(1)[:, target]).square().mean()
        loss = distortion + options["sparsity"] / len(mask) * mask.abs().sum()
        losses.append(loss.detach())
        (mask.grad,) = torch.autograd.grad(loss, mask)
        adam.step()
        with torch.no_grad():
            mask.clamp_(0, 1)
    grey, _ = coefficients(image.mean(0).numpy(), wavelet, levels)
    picture = ((torch.from_numpy(grey) * mask.detach()) @ basis).clamp(0, 1).reshape(shape)
    return {"mask": mask.detach(), "losses": torch.stack(losses), "picture": picture}
