"""The losses of a decomposition (Kadar & Gilboa 2023, Eqs. 5–15) as functions of images, logits and features.

Every loss is a mean over the images of the batch. Norms of images are normalised by the number of values, so
that the weights of Eq. 15 hold for any size. Where the authors' code computes something else than is printed,
that is an option, and ``OBJECTIVES["code"]`` takes all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.checks import non_negative, one_of, positive
from pyxai.dxai.blocks import wide

DISTANCES = ("l1_l2", "l1_mse")
MASKS = ("image", "channel")
CORRELATIONS = ("zero", "identity")


@dataclass(frozen=True)
class Objective:
    """Weights (Eq. 15) and forms of the losses.

    Args:
        adversarial, distillation, class_fake, reconstruction, distinct_reconstruction, orthogonality: λ_adv,
            λ_KLD, λ_cf, λ_rec, λ_dr and λ_o; zero leaves the loss out, except the discriminator's own.
        gradient_penalty: weight of R1 on real images.
        zero_distinction: ψ_1 of the other class counts as zero in Eq. 5; False shows Fig. 6.
        temperature: divides the classifier's logits in Eq. 6.
        distance: d of Eq. 7: ``l1_l2`` is the mean magnitude plus the root of the mean square; ``l1_mse``,
            the code's, leaves out the root.
        mask: 𝕀 of Eq. 13. ``image``: where ψ_1's magnitude is above the image's mean, errors averaged over
            all values. ``channel``, the code's: above the channel's mean, errors averaged over what is left
            of the image (in the code, of the batch, which would then not be a mean over images).
        correlation: what the correlation of features of two branches is drawn to: ``zero``, which is also the
            code's, or the printed ``identity``.
    """

    adversarial: float = 2.0
    distillation: float = 1.0
    class_fake: float = 2.0
    reconstruction: float = 4.0
    distinct_reconstruction: float = 4.0
    orthogonality: float = 1.0
    gradient_penalty: float = 1.0
    zero_distinction: bool = True
    temperature: float = 1.0
    distance: str = "l1_l2"
    mask: str = "image"
    correlation: str = "zero"

    def __post_init__(self):
        positive("temperature", self.temperature)
        for field in fields(self):
            if field.type == "float":
                non_negative(field.name, getattr(self, field.name))
        one_of("distance", self.distance, DISTANCES)
        one_of("mask", self.mask, MASKS)
        one_of("correlation", self.correlation, CORRELATIONS)


OBJECTIVES = {
    "paper": Objective(),
    # The code averages Eq. 8 over its two terms.
    "code": Objective(reconstruction=2.0, distance="l1_mse", mask="channel"),
}


def blend(own: Tensor, other: Tensor, alpha: Tensor, zero_distinction: bool = True) -> tuple[Tensor, Tensor]:
    """x̂^y and x̂^ỹ (Eq. 5), each (N, C, H, W), as one product of matrices.

    Args:
        own, other: (N, n, C, H, W) branch images for the image's class y and another class ỹ.
        alpha: (N, n - 1) in [0, 1].
        zero_distinction: take ψ_1^ỹ as zero.
    """
    one, zero = torch.ones_like(alpha[:, :1]), torch.zeros_like(alpha[:, :1])
    of_own = torch.cat([one, alpha, zero, 1 - alpha], 1)
    of_other = torch.cat([zero, 1 - alpha, zero if zero_distinction else one, alpha], 1)
    shares = torch.stack([of_own, of_other], 1)
    images = shares @ torch.cat([own, other], 1).flatten(2)
    return images.unflatten(2, own.shape[2:]).unbind(1)


def real_loss(logits: Tensor, target: Tensor) -> Tensor:
    """−log D_y of real images (Eq. 11): logits (N, c), classes (N,)."""
    return F.softplus(-_of(logits, target)).mean()


def fake_loss(logits: Tensor, target: Tensor) -> Tensor:
    """−log(1 − D_y) of generated images (Eq. 11)."""
    return F.softplus(_of(logits, target)).mean()


def gradient_penalty(logits: Tensor, target: Tensor, images: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): half the squared norm of ∇_x D_y, differentiable. Images are leaves."""
    (gradient,) = torch.autograd.grad(_of(logits, target).sum(), images, create_graph=True)
    return 0.5 * wide(gradient).square().sum((1, 2, 3)).mean()


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(C ‖ D) of class probabilities, logits (N, c) each (Eq. 12, whose text has D learn from C)."""
    return F.kl_div(student.log_softmax(1), teacher.log_softmax(1), reduction="batchmean", log_target=True)


def class_fake(logits: Tensor, target: Tensor, temperature: float = 1.0) -> Tensor:
    """Cross-entropy of the classifier on generated images (Eq. 6)."""
    return F.cross_entropy(logits / temperature, target)


def distance(first: Tensor, second: Tensor, form: str = "l1_l2") -> Tensor:
    """d (Eq. 7) of images (N, C, H, W)."""
    return _norms((first - second).flatten(1), form)


def reconstruction(image: Tensor, own: Tensor, other: Tensor, form: str = "l1_l2") -> Tensor:
    """d(x, x̂^y) + d(x, x̂^ỹ) (Eq. 8)."""
    return distance(image, own, form) + distance(image, other, form)


def distinct_reconstruction(
    image: Tensor, own: Tensor, distinct: Tensor, form: str = "l1_l2", mask: str = "image"
) -> Tensor:
    """d(x, x̂^y) where ψ_1^y, (N, C, H, W), is large (Eq. 13); see :class:`Objective` for ``mask``."""
    size = distinct.detach().abs()
    chosen = size > size.mean((1, 2, 3) if mask == "image" else (2, 3), keepdim=True)
    error = (image - own) * chosen
    count = None if mask == "image" else chosen.sum((1, 2, 3)).clamp(min=1).to(error.dtype)
    return _norms(error.flatten(1), form, count)


def orthogonality(features: Sequence[Tensor], branches: int, correlation: str = "zero") -> Tensor:
    """How much the features of different branches correlate (Eq. 9).

    For every pair of branches the mean square of the (K, K) correlations over pixels, less the target; summed
    over the pairs and averaged over the features, as in the code.

    Args:
        features: (N, n K, h, w) each, N and K may differ.
        branches: n.
        correlation: the target, ``zero`` or ``identity``.
    """
    return torch.stack([_correlation(x, branches, correlation) for x in features]).mean()


def _correlation(x: Tensor, branches: int, correlation: str) -> Tensor:
    pixels = wide(x.permute(0, 2, 3, 1).flatten(1, 2))
    pixels = pixels - pixels.mean(1, keepdim=True)
    count = pixels.shape[1]
    covariance = pixels.transpose(1, 2) @ pixels / count
    # Sample deviations (of count - 1), and 1e-6 beside them, as in the code. The clamp keeps the root's slope
    # finite for constant channels.
    variance = covariance.diagonal(dim1=1, dim2=2) * (count / (count - 1))
    deviation = variance.clamp(min=1e-12).sqrt() + 1e-6
    matrix = covariance / (deviation[:, :, None] * deviation[:, None, :])
    blocks = matrix.unflatten(2, (branches, -1)).unflatten(1, (branches, -1)).transpose(2, 3)
    first, second = torch.triu_indices(branches, branches, 1, device=x.device)
    pairs = blocks[:, first, second]
    if correlation == "identity":
        pairs = pairs - torch.eye(pairs.shape[-1], device=x.device, dtype=pairs.dtype)
    return pairs.square().mean((2, 3)).sum(1).mean()


def _norms(error: Tensor, form: str, count: Tensor | None = None) -> Tensor:
    """L1 + L2 of every row, normalised by its ``count`` of values (default all), averaged over rows."""
    count = error.shape[1] if count is None else count
    absolute, square = error.abs().sum(1) / count, error.square().sum(1) / count
    if form == "l1_l2":
        square = torch.linalg.vector_norm(error, dim=1) / count**0.5  # slope 0 at 0, unlike the root's
    return (absolute + square).mean()


def _of(logits: Tensor, target: Tensor) -> Tensor:
    """Every row's logit of its class."""
    return logits.gather(1, target[:, None])[:, 0]
