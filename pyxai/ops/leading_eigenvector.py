"""Leading eigenvectors of symmetric matrices, without the others."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["leading_eigenvector"]

SCHEMA = "leading_eigenvector(Tensor matrices) -> (Tensor, Tensor)"


def _reference(matrices: Tensor) -> tuple[Tensor, Tensor]:
    vectors, values = _fake(matrices)
    if vectors.numel() == 0:
        return vectors, values.zero_()
    x = matrices.double()  # torch's decomposition in float32 is off by more than the operator
    scale = x.abs().amax((1, 2))
    usual = (scale > 0) & scale.isfinite()
    zero = scale * 0  # or no number
    x = torch.where(usual[:, None, None], x, 0) / torch.where(usual, scale, 1)[:, None, None]
    squares, basis = torch.linalg.eigh(x)
    leading = basis[..., -1]
    leading = torch.where(leading.sum(1, keepdim=True) < 0, -leading, leading)
    vectors.copy_(torch.where(usual[:, None], leading, zero[:, None]))
    values.copy_(torch.where(usual, squares[:, -1] * scale, zero))
    return vectors, values


def _fake(matrices: Tensor) -> tuple[Tensor, Tensor]:
    return matrices.new_empty(matrices.shape[:2]), matrices.new_empty(matrices.shape[:1])


def _samples(device, dtype, rows, shape):
    """Matrices whose two greatest eigenvalues are far apart, of about as many values as ``shape``."""
    values = 1
    for length in shape:
        values *= length
    size = round(values**0.5)
    pattern = torch.rand(rows, size, 1, device=device, dtype=dtype) + 0.5
    other = torch.rand(rows, size, 1, device=device, dtype=dtype) - 0.5
    yield ((pattern * pattern.transpose(1, 2)).addcmul_(other, other.transpose(1, 2), value=0.1),)


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def leading_eigenvector(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """The eigenvector of the greatest eigenvalue of symmetric matrices that have no negative eigenvalues.

    The compiled operator takes Lanczos' method (1950) with full orthogonalisation from a fixed start, until
    the residual, ‖Gv - λv‖, is below a rounding of λ, or the basis is complete. So the vector is that of a
    matrix which differs by roundings, as after a whole decomposition: in float32 it is off by about 1e-6
    where the second eigenvalue is at most 0.8 of the first, by more in proportion where they are closer,
    and where they are equal it is one of their vectors. Without the compiled module it is torch's whole
    decomposition in float64, whose vector is the same to these roundings and not bit for bit.

    Args:
        matrices: (N, M, M) floating, each symmetric without negative eigenvalues. That is not checked.

    Returns the vectors (N, M), of length 1, with values that do not sum to less than zero, and their
    eigenvalues (N,), in the dtype of ``matrices``, computed in float32 (float64 for float64). For a matrix of
    zeros both are zero, and no numbers where a value of the matrix is none or infinite. Matrices of any scale
    have their vector; an eigenvalue beyond the range of the dtype is infinite. Not differentiable. Raises
    ``ValueError`` or ``TypeError`` for arguments of another form.
    """
    op = "leading_eigenvector"
    _rows.check_dimensions(op, "matrices", matrices, 3, "(N, M, M)")
    if matrices.shape[1] != matrices.shape[2]:
        raise ValueError(f"{op}: `matrices` must have shape (N, M, M), got {tuple(matrices.shape)}")
    return _op(matrices)
