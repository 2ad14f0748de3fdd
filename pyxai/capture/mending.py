"""What torch gets wrong where a model runs as it is, made right while it is differentiated.

A BatchNorm's backward pass on the CPU (torch 2.13, ``native_batch_norm_backward``) takes values and their
gradient for laid out alike where both are contiguous or channels last and both *seem* to be of one memory
format. Those of a batch of one seem so whatever they are, for the stride of an axis of one may be any number:
a gradient (1, C, H, W) that comes back from tokens, with strides (C, 1, W · C, C), is read in the order of
values with strides (C · H · W, H · W, W, 1), and the pixels of one channel are taken for those of others. An
InstanceNorm is to torch a BatchNorm of one image, however many there are. Captured graphs have neither, see
:mod:`pyxai.capture.canonical`.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_READS_WRONG = torch.ops.aten.native_batch_norm_backward.default


class Mending(TorchDispatchMode):
    """While it is entered, a gradient of a batch of one comes to a BatchNorm laid out as its values are.

    It sees every operation, also those of scripted parts and of what is computed again for its gradient, and
    costs some 20 µs for each: it is entered for backward passes alone, and where it was needed before.

    Attributes:
        needed: whether a gradient had to be laid out anew.
    """

    supports_higher_order_operators = True

    def __init__(self):
        super().__init__()
        self.needed = False

    @classmethod
    def is_infra_mode(cls) -> bool:
        """Parts that ``torch.compile`` makes stay compiled, here and in other threads."""
        return True

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """As above."""
        return True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is _READS_WRONG:
            gradient, values, *rest = args
            if len(values) == 1 and gradient.stride() != values.stride():
                self.needed = True
                gradient = torch.empty_like(values, dtype=gradient.dtype).copy_(gradient)
                args = gradient, values, *rest
        return func(*args, **(kwargs or {}))
