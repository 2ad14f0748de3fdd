"""Groups of a layer's channels that count for a class together."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyxai.checks import expect
from pyxai.modules import need


def channel_groups(
    attributions: Tensor,
    part: float = 0.3,
    counts: Sequence[int] = (3, 4),
    explained: float = 0.3,
    least: float = 0.02,
) -> list[tuple[int, ...]]:
    """Groups of a layer's channels that count together for a class, by factor analysis of attributions.

    Shi et al. 2020, "Group visualization of class-discriminative features". Of each image the channels with
    the largest attributions are kept, as few as have ``part`` of the sum of all channels' largest magnitudes,
    and of these the positive attributions. All places of all images are the rows of a table of the channels,
    divided by its largest value. The first number of factors that explains enough of it is taken, and a
    channel belongs to the factor by which it is loaded most.

    The authors' code differs: it does not divide by the largest value, so that ``least`` depends on the size
    of the scores; it takes the signs of the factors as scikit-learn gives them, where here the loadings of
    each have a positive sum; it averages the explained variance over all channels, those among them that are
    0 in all images; and it takes the last number of factors without a warning where none explains enough. In
    their paper of 2020 ``explained`` is 0.7.

    Args:
        attributions: (N, K, …) at a layer, of N images of one class; the axes behind the K channels are
            places.
        part: of the sum of largest magnitudes that the channels of an image shall have, in (0, 1].
        counts: the numbers of factors that are tried.
        explained: the part of the variance, averaged over the channels, that must be explained.
        least: the least loading of a channel that belongs to a group.

    Returns:
        For each factor its channels in order, without factors that have none; what the option ``channels`` of
        ``attribution_visualization`` takes.

    Raises:
        ValueError: no attribution is positive, there are too few channels, or none is loaded enough.
        ImportError: scikit-learn is not installed.
    """
    wanted = "be finite, of shape (N, K, …) with N > 0"
    fits = isinstance(attributions, Tensor) and attributions.ndim > 2 and attributions.numel() > 0
    expect(fits, "attributions", wanted, tuple(getattr(attributions, "shape", ())))
    expect(bool(attributions.isfinite().all()), "attributions", wanted, "NaN or infinity")
    expect(0 < part <= 1, "part", "lie above 0 and not above 1", part)
    rows = attributions.detach().double().cpu().flatten(2)
    kept = torch.stack([_leading(row, part) for row in rows])
    table = kept.clamp(min=0).movedim(1, -1).flatten(0, -2).numpy()
    live = np.flatnonzero(table.var(0) > 0)
    tried = [count for count in counts if count <= len(live)]
    few = f"{len(live)} that are and that `part` keeps"
    expect(len(tried) > 0, "attributions", f"be positive in {min(counts)} channels or more", few)
    loadings = _loadings(table[:, live] / table.max(), tried, explained)
    strongest, size = loadings.argmax(0), loadings.max(0)
    groups = [tuple(live[(strongest == g) & (size >= least)].tolist()) for g in range(len(loadings))]
    found = [group for group in groups if group]
    most = f"{least}, where the largest is {size.max():.3g}"
    expect(len(found) > 0, "least", "be reached by the loading of a channel", most)
    return found


def _leading(attributions: Tensor, part: float) -> Tensor:
    """Attributions (K, places) of the channels that have ``part`` of all channels' largest magnitudes."""
    sizes = attributions.abs().amax(1)
    order = sizes.argsort(descending=True, stable=True)
    before = sizes[order].cumsum(0) - sizes[order]
    kept = torch.zeros_like(sizes).scatter_(0, order, (before < part * sizes.sum()).to(sizes))
    return attributions * kept[:, None]


def _loadings(table: np.ndarray, counts: Sequence[int], explained: float) -> np.ndarray:
    """Loadings (factors, channels) by the first number of factors that explains enough of a table."""
    decomposition = need("sklearn.decomposition", "a factor analysis", "pyxai-torch[surrogates]")
    for count in counts:
        model = decomposition.FactorAnalysis(count, random_state=0)
        scores = model.fit_transform(table)
        left = (table - model.mean_ - scores @ model.components_).var(0) / table.var(0)
        share = 1 - left.mean()
        if share > explained:
            break
    else:
        warnings.warn(
            f"{count} factors explain {share:.0%} of the variance of the attributions, less than "
            f"{explained:.0%}: the groups say little",
            stacklevel=3,
        )
    signs = np.where(model.components_.sum(1) < 0, -1.0, 1.0)
    return signs[:, None] * model.components_
