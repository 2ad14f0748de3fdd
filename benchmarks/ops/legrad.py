"""LeGrad's sums against the chain of torch calls that makes the gradient by the whole attention."""

import torch

from benchmarks.ops import Case, Work
from pyxai.ops import legrad

# Of a value, for 64 queries: a product and a sum for each, and what a dot product is compared and added by.
WORK = Work(floats=2 * 64 + 3, integers=64)

# (images, heads, tokens, size of a head): ViT-B/16 at 224², at 448², and the class token of the former.
LAYERS = ((4, 12, 197, 197, 64), (1, 12, 785, 785, 64), (4, 12, 1, 197, 64))


def eager(gradient, values):
    return torch.matmul(gradient, values.transpose(2, 3)).relu_().sum((1, 2))


def cases(device):
    for images, heads, queries, keys, width in LAYERS:
        gradient, values = (
            torch.randn(images, heads, tokens, width, device=device) for tokens in (queries, keys)
        )
        yield Case(
            f"legrad, {images}×{heads} heads, {queries}×{keys} tokens",
            lambda g=gradient, v=values: legrad(g, v),
            lambda g=gradient, v=values: eager(g, v),
            gradient.nbytes + values.nbytes,
        )
