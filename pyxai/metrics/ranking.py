"""Which pixels are the most relevant, and which go together because they are as relevant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import pad


def limits(relevance: Tensor, counts: Sequence[int]) -> Tensor:
    """The greatest relevance that stays where at most so many of the most relevant pixels go.

    The pixels above a limit go. Those that are as relevant as each other go together, so that their order in
    memory decides nothing; where that would be too many, they stay.

    Args:
        relevance: (N, P), finite.
        counts: S numbers of pixels from 0 to P.

    Returns (N, S); minus infinity where all pixels go.
    """
    ordered = relevance.sort(1, descending=True).values
    return pad(ordered, (0, 1), value=-math.inf)[:, list(counts)]
