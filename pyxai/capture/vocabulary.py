"""The operations of captured graphs by kind: whoever asks what a call is asks here.

Every set holds what ``node.target`` may be: ATen overloads and the functions of :mod:`pyxai.capture.calls`.
What is true for one algorithm only is a set beside that algorithm, made of these.
"""

from __future__ import annotations

import operator

import torch

from pyxai.capture.calls import channel_affine, deviation, instance_norm, result, spatial_mean

aten = torch.ops.aten

# Layers: linear in their first argument, for constant weights.

CONVOLUTIONS_2D = frozenset({aten.conv2d.default, aten.conv2d.padding})
CONVOLUTIONS = CONVOLUTIONS_2D | {
    aten.conv1d.default,
    aten.conv1d.padding,
    aten.conv3d.default,
    aten.conv_transpose1d.default,
    aten.conv_transpose2d.input,
    aten.conv_transpose3d.input,
}
MATRIX_PRODUCTS = frozenset({aten.matmul.default, aten.mm.default, aten.bmm.default})
DENSE = MATRIX_PRODUCTS | {aten.linear.default}
AFFINE = frozenset({channel_affine})
AVERAGE_POOLS_2D = frozenset({aten.avg_pool2d.default, aten.adaptive_avg_pool2d.default})
BICUBIC = frozenset({aten.upsample_bicubic2d.vec, aten._upsample_bicubic2d_aa.vec})  # weights of both signs
AVERAGES = (
    AVERAGE_POOLS_2D
    | BICUBIC
    | {
        spatial_mean,
        aten.mean.dim,
        aten.sum.dim_IntList,
        aten.avg_pool1d.default,
        aten.avg_pool3d.default,
        aten.adaptive_avg_pool1d.default,
        aten.adaptive_avg_pool3d.default,
        aten.col2im.default,
        aten.upsample_nearest2d.vec,
        aten.upsample_bilinear2d.vec,
        aten._upsample_bilinear2d_aa.vec,
    }
)

# Rearrangements: each value of the result is a value of a source, or a constant.

IDENTITIES = frozenset(
    {aten.clone.default, aten.alias.default, aten.lift_fresh_copy.default, aten.contiguous.default}
)
RESHAPES = frozenset(  # the order of the values stays
    {
        aten.reshape.default,
        aten.flatten.using_ints,
        aten.unsqueeze.default,
        aten.squeeze.default,
        aten.squeeze.dim,
        aten.squeeze.dims,
    }
)
PERMUTATIONS = frozenset({aten.permute.default, aten.transpose.int, aten.t.default})
JOINS = frozenset({aten.cat.default, aten.stack.default})
PADS = frozenset({aten.pad.default, aten.constant_pad_nd.default})
REARRANGEMENTS = (
    RESHAPES
    | PERMUTATIONS
    | JOINS
    | PADS
    | {
        aten.slice.Tensor,
        aten.select.int,
        aten.index_select.default,
        aten.flip.default,
        aten.roll.default,
        aten.expand.default,
        aten.repeat.default,
        aten.reflection_pad2d.default,
        aten.replication_pad2d.default,
        aten.im2col.default,
        aten.unfold.default,
        aten.index.Tensor,
        aten.slice_scatter.default,
        aten.select_scatter.default,
        aten.pixel_shuffle.default,
        aten.pixel_unshuffle.default,
    }
)

# Arithmetic of two values, or of a value and a number.

SUMS = frozenset({aten.add.Tensor, aten.sub.Tensor, aten.rsub.Scalar})
QUOTIENTS = frozenset({aten.div.Tensor})
SCALES = QUOTIENTS | {aten.mul.Tensor, aten.mul.Scalar, aten.div.Scalar, aten.neg.default}
SCALES_AND_SHIFTS = SCALES | SUMS | AFFINE
PRODUCTS = MATRIX_PRODUCTS | {aten.mul.Tensor}
LARGER = frozenset({aten.maximum.default, aten.clamp_min.Tensor})
SMALLER = frozenset({aten.minimum.default, aten.clamp_max.Tensor})
SELECTIONS = frozenset({aten.where.self})

# Functions of one number.

RECTIFIERS = frozenset({aten.relu.default, aten.relu6.default, aten.leaky_relu.default})
SIGMOIDS = frozenset({aten.sigmoid.default, aten.hardsigmoid.default})
ACTIVATIONS = (
    RECTIFIERS
    | SIGMOIDS
    | {
        aten.prelu.default,
        aten.elu.default,
        aten.selu.default,
        aten.celu.default,
        aten.gelu.default,
        aten.silu.default,
        aten.mish.default,
        aten.softplus.default,
        aten.tanh.default,
        aten.hardtanh.default,
        aten.hardswish.default,
        aten.clamp.default,
        aten.clamp_min.default,
        aten.clamp_max.default,
        aten.abs.default,
        aten.atan.default,
        aten.erf.default,
        aten.expm1.default,
        aten.log1p.default,
        aten.sin.default,
        aten.sqrt.default,
        aten.square.default,
        deviation,
    }
)
INVERSES = frozenset({aten.reciprocal.default, aten.rsqrt.default})
JUMPS = frozenset(  # of one number, or of the difference of two; constant but for jumps
    {
        *(getattr(aten, name).Scalar for name in ("eq", "ne", "gt", "ge", "lt", "le")),
        *(getattr(aten, name).Tensor for name in ("eq", "ne", "gt", "ge", "lt", "le")),
        *(getattr(aten, name).default for name in ("sign", "round", "floor", "ceil", "trunc")),
    }
)
FLAT = JUMPS | {  # their derivative is zero wherever there is one, or is left out
    aten.detach.default,
    aten.floor_divide.default,
    aten.floor_divide.Scalar,
    aten.heaviside.default,
    aten.round.decimals,
    aten.sgn.default,
}

# Functions of many numbers.

MAX_POOLS = frozenset(
    {
        aten.max_pool2d.default,
        aten.max_pool3d.default,
        result(aten.max_pool2d_with_indices.default, 0),
        result(aten.max_pool3d_with_indices.default, 0),
        result(aten.adaptive_max_pool2d.default, 0),
        result(aten.adaptive_max_pool3d.default, 0),
    }
)
MAXIMA = frozenset({aten.amax.default, result(aten.max.dim, 0)})  # over axes
MINIMA = frozenset({aten.amin.default, result(aten.min.dim, 0)})
LOG_SOFTMAXES = frozenset({aten.log_softmax.int, aten._log_softmax.default})
SOFTMAXES = frozenset({aten.softmax.int, aten._softmax.default, aten._safe_softmax.default})
NORMALISATIONS = frozenset(
    {
        aten.layer_norm.default,
        aten.rms_norm.default,
        aten.group_norm.default,
        instance_norm,
    }
)

# What does not look at values.

SIZES = frozenset({aten.sym_size.int, operator.mul, operator.add, operator.sub, operator.floordiv})
CREATIONS = frozenset(  # they look at the shape of their source alone
    {
        aten.new_empty.default,
        aten.new_full.default,
        aten.new_ones.default,
        aten.new_zeros.default,
        aten.empty_like.default,
        aten.fill.Scalar,
        aten.full_like.default,
        aten.ones_like.default,
        aten.zeros_like.default,
    }
)
