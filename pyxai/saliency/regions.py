"""Region contrast: how unlike the other regions of the picture a region is."""

from __future__ import annotations

from types import ModuleType
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pyxai.checks import whole
from pyxai.modules import need
from pyxai.saliency.colour import lab
from pyxai.saliency.face import classical
from pyxai.saliency.planes import unit_range

SPREAD = 0.4  # squared distance, in image sides, over which another region's weight falls by e
BINS, COVERED, FEWEST, MOST = 12, 0.95, 10, 256  # of the colour histogram


@classical()
def region_contrast(
    images: Tensor,
    variant: Literal["mean", "histogram"] = "mean",
    segments: Literal["felzenszwalb", "slic"] = "felzenszwalb",
    count: int = 200,
) -> Tensor:
    """S(R_i) = Σ_{j≠i} w_ij d(R_i, R_j) over a picture's regions, w_ij = |R_j| exp(-‖p_i - p_j‖² / 0.4).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].
        variant: The distance of two regions. ``mean`` takes d = ‖μ_i - μ_j‖ of their mean colours (slides).
            ``histogram`` takes d = Σ f_i f_j ‖c_i - c_j‖ over the picture's frequent colours, and favours
            regions in the middle by exp(-9 (x² + y²)) (Cheng et al. 2015, without the later smoothing and
            border suppression).
        segments: Which superpixels of scikit-image the regions are. ``felzenszwalb`` are those of Cheng et
            al., but of at least a 250th of the picture instead of 200 pixels. ``slic`` are about ``count``
            superpixels whose grid of seeds does not turn with the picture.
        count: The number of superpixels asked of ``slic``.

    Returns (N, H, W) from 0 to 1.

    Raises:
        ModuleNotFoundError: scikit-image is not installed.
    """
    whole("count", count, 2)
    segmentation = _segmentation()
    maps = []
    for image in images:
        labels = torch.from_numpy(_segmented(segmentation, image, segments, count)).to(image.device)
        contrast = mean_contrast if variant == "mean" else histogram_contrast
        maps.append(contrast(image, labels)[labels].to(image))
    return unit_range(torch.stack(maps))


def mean_contrast(image: Tensor, labels: Tensor) -> Tensor:
    """Contrast of the mean colours of regions.

    Args:
        image: (1 or 3, H, W) in [0, 1].
        labels: (H, W) int64 from 0 to R - 1, each with at least one pixel.

    Returns (R,) float64.
    """
    means = _means(_colours(image), labels.flatten())
    return (_weights(labels) * _distances(means, means)).sum(1)  # a region is no distance from itself


def histogram_contrast(image: Tensor, labels: Tensor) -> Tensor:
    """Contrast of the regions' colour histograms, favouring the middle, as :func:`mean_contrast`."""
    colour, palette = _quantised(image)
    count = int(labels.max()) + 1
    pairs = torch.bincount(labels.flatten() * len(palette) + colour, minlength=count * len(palette))
    pairs = pairs.view(count, len(palette)).double()
    shares = pairs / pairs.sum(1, keepdim=True)
    distance = shares @ _distances(palette, palette) @ shares.T
    distance = distance - torch.diag(distance.diag())  # a region does not stand out from itself
    middle = _means((_places(labels) - 0.5).abs(), labels.flatten())
    return torch.exp(-9 * middle.square().sum(1)) * (_weights(labels) * distance).sum(1)


def _weights(labels: Tensor) -> Tensor:
    """|R_j| exp(-‖p_i - p_j‖² / 0.4), sizes as shares of the image and centroids in image sides, (R, R)."""
    centroid = _means(_places(labels), labels.flatten())
    size = torch.bincount(labels.flatten()).double() / labels.numel()
    return size * torch.exp(-_distances(centroid, centroid).square() / SPREAD)


def _means(values: Tensor, groups: Tensor) -> Tensor:
    """Means of values (P, K) by group (P,) from 0 to R - 1, (R, K) float64."""
    count = torch.bincount(groups)
    return values.new_zeros(len(count), values.shape[1]).index_add_(0, groups, values) / count[:, None]


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Euclidean, (A, B), from differences; by products, which are faster, equal points come out apart."""
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")


def _colours(image: Tensor) -> Tensor:
    """(H W, 3) in L*a*b*, float64: sums of a million pixels lose digits in float32."""
    return lab(image[None].double())[0].flatten(1).T


def _places(labels: Tensor) -> Tensor:
    """(H W, 2) float64, the middle of every pixel in image sides."""
    sides = (torch.arange(side, dtype=torch.float64, device=labels.device) for side in labels.shape)
    return torch.cartesian_prod(*((place + 0.5) / len(place) for place in sides))


def _quantised(image: Tensor) -> tuple[Tensor, Tensor]:
    """The index of every pixel's colour, (H W,), and the colours, (K, 3) float64 in L*a*b*.

    Of 12³ colours the most frequent that cover 95 % of the pixels are kept, 10 to 256 of them if there are as
    many; the others join the nearest.
    """
    pixels = image.expand(3, -1, -1).flatten(1)
    cells = (pixels * BINS).long().clamp(max=BINS - 1)
    _, index, count = torch.unique(
        (cells[0] * BINS + cells[1]) * BINS + cells[2], return_inverse=True, return_counts=True
    )
    means = _means(_colours(image), index)
    order = torch.argsort(count, descending=True, stable=True)
    covered = count[order].cumsum(0) <= COVERED * len(index)
    kept = order[: min(MOST, max(FEWEST, int(covered.sum()) + 1))]
    nearest = _distances(means, means[kept]).argmin(1)
    return nearest[index], means[kept]


def _segmentation() -> ModuleType:
    return need("skimage.segmentation", "region_contrast", "scikit-image")


def _segmented(segmentation: ModuleType, image: Tensor, segments: str, count: int) -> np.ndarray:
    """int64 (H, W), regions 0 to R - 1."""
    pixels = image.expand(3, -1, -1).permute(1, 2, 0).double().cpu().numpy()
    if segments == "slic":
        labels = segmentation.slic(pixels, n_segments=count, compactness=10, start_label=0)
    else:
        smallest = max(1, pixels[..., 0].size // 250)
        labels = segmentation.felzenszwalb(pixels, scale=50, sigma=0.5, min_size=smallest)
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64)
