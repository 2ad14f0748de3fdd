"""Small classifiers that each do one thing that trips up tools working with module hooks or a fixed
architecture.

Every class in `CLASSES` takes `(N, 3, 16, 16)` and returns `(N, 5)` logits in eval mode unless its docstring
says otherwise; `build(name)` gives the same random weights on every call. Those in `SPECIAL` break the rule
on purpose: other outputs, no capture, training mode.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo import initialise, photographs

SIZE = 16
CLASSES_OUT = 5


def conv(inputs: int, outputs: int, kernel: int = 3, **options: object) -> nn.Conv2d:
    """A convolution that keeps the height and width."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)


class Head(nn.Module):
    """Global average and a linear layer."""

    def __init__(self, channels: int, outputs: int = CLASSES_OUT) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))


class FunctionalReLU(nn.Module):
    """`F.relu` and `F.max_pool2d`, no modules for either."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = conv(3, 8), conv(8, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.head(F.relu(self.conv2(x)))


class InplaceAdd(nn.Module):
    """Residual sums written `+=`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.bn, self.head = conv(3, 8), conv(8, 8), nn.BatchNorm2d(8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        out = self.bn(self.conv2(x))
        out += x
        return self.head(F.relu(out))


class ReusedModules(nn.Module):
    """One ReLU and one convolution, each called several times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.relu, self.head = conv(3, 8), conv(8, 8), nn.ReLU(), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        for _ in range(3):
            x = self.relu(self.conv(x))
        return self.head(x)


class ReusedBatchNorm(nn.Module):
    """One BatchNorm behind two convolutions, so that it folds into both."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.bn, self.head = conv(3, 8), conv(8, 8), nn.BatchNorm2d(8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv1(x)))
        return self.head(F.relu(self.bn(self.conv2(x))))


class InplaceOps(nn.Module):
    """`ReLU(inplace=True)` on a convolution's output, `add_`, `mul_` and `clamp_`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.relu, self.head = conv(3, 8), conv(8, 8), nn.ReLU(inplace=True), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        out = self.conv2(x).add_(x).mul_(0.5).clamp_(max=3.0)
        return self.head(self.relu(out))


class PreActivation(nn.Module):
    """BatchNorm before ReLU before convolution, as in the second ResNet paper and DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn1, self.conv1 = conv(3, 8), nn.BatchNorm2d(8), conv(8, 8)
        self.bn2, self.conv2, self.head = nn.BatchNorm2d(8), conv(8, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.conv1(F.relu(self.bn1(x)))
        return self.head(self.conv2(F.relu(self.bn2(x))))


class BatchNormBeforePaddedConv(nn.Module):
    """BatchNorm directly before a zero-padded convolution: its shift cannot move into that convolution's
    bias.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bn, self.conv1, self.conv2, self.head = nn.BatchNorm2d(3), conv(3, 8), conv(8, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv2(F.relu(self.conv1(self.bn(x))))))


class SharedConvOutput(nn.Module):
    """A convolution read by a BatchNorm *and* by a residual sum: folding would change the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn, self.conv2, self.head = conv(3, 8), nn.BatchNorm2d(8), conv(8, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        z = self.conv1(x)
        return self.head(F.relu(self.conv2(F.relu(self.bn(z))) + z))


class OverlappingPools(nn.Module):
    """Max-pools whose windows overlap, one with ceil mode, and an average pool that counts its padding."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = conv(3, 8), conv(8, 8), Head(8)
        self.pool1, self.pool2 = nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.average = nn.AvgPool2d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(F.relu(self.conv1(x)))
        return self.head(self.average(self.pool2(F.relu(self.conv2(x)))))


class Gate(nn.Module):
    """A squeeze-excitation gate: a product of two things that both depend on the input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.down, self.up, self.head = conv(3, 8), nn.Linear(8, 4), nn.Linear(4, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return self.head(x * gate[:, :, None, None])


class Concatenation(nn.Module):
    """Branches joined by channel, then a BatchNorm that no single convolution can take in."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.bn, self.head = conv(3, 4), conv(3, 6, 5), nn.BatchNorm2d(13), Head(13)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.bn(torch.cat([self.left(x), self.right(x), x], 1))))


class Dropouts(nn.Module):
    """Dropout of pixels and of channels, as modules and as a function: identities in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.channels, self.features, self.head = (
            conv(3, 8),
            nn.Dropout2d(0.4),
            nn.Dropout(0.4),
            Head(8),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.channels(F.relu(self.conv1(x)))
        return self.head(F.dropout(self.features(x), 0.4, self.training))


class Normalised(nn.Module):
    """Subtracts a mean and divides by a deviation kept as buffers, inside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1))
        self.conv1, self.head = conv(3, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv1((x - self.mean) / self.std)))


class FlipAndSlice(nn.Module):
    """Swaps the colour order and crops inside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.head = conv(3, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flip(1)[:, :, 2:-2, 1:]
        return self.head(F.relu(self.conv1(F.pad(x, (1, 2, 0, 1)))))


class Smooth(nn.Module):
    """GELU, SiLU, Mish, Softplus, tanh and sigmoid in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.head = conv(3, 8), conv(8, 8), conv(8, 8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.conv2(F.gelu(self.conv1(x))))
        x = F.mish(self.conv3(x)) + F.softplus(x)
        return self.head(torch.tanh(x) * torch.sigmoid(x))


class LeakyActivations(nn.Module):
    """Leaky ReLU, PReLU, ELU, ReLU6, Hardswish and Hardtanh."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.prelu, self.head = conv(3, 8), conv(8, 8), nn.PReLU(8), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(F.leaky_relu(self.conv1(x), 0.1))
        x = F.relu6(F.elu(self.conv2(x)))
        return self.head(F.hardswish(x) + F.hardtanh(x))


class SoftmaxAttention(nn.Module):
    """Self-attention spelled out: two products and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.qkv, self.fc = nn.Conv2d(3, 12, 4, 4), nn.Linear(12, 36), nn.Linear(12, CLASSES_OUT)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        query, key, value = self.qkv(tokens).chunk(3, dim=-1)
        weight = (query @ key.transpose(1, 2) * 12**-0.5).softmax(-1)
        return self.fc((tokens + weight @ value).mean(1))


class NoBias(nn.Module):
    """No bias anywhere: the network is piecewise linear through the origin."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(3, 8, bias=False), conv(8, 8, bias=False)
        self.fc = nn.Linear(8, CLASSES_OUT, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)))


class OtherNorms(nn.Module):
    """LayerNorm over channels, GroupNorm and InstanceNorm: their scale depends on the input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm, self.group = conv(3, 8), nn.LayerNorm(8), nn.GroupNorm(2, 8)
        self.conv2, self.instance, self.head = conv(8, 8), nn.InstanceNorm2d(8, affine=True), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv1(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(F.relu(self.instance(self.conv2(F.relu(self.group(x))))))


class OddConvolutions(nn.Module):
    """Transposed, grouped, dilated, strided without padding, asymmetric, and `padding="same"` with
    reflection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.grouped, self.dilated = (
            nn.Conv2d(3, 9, 3, padding=1, groups=3),
            nn.Conv2d(9, 8, 3, padding=2, dilation=2),
        )
        self.strided, self.up = nn.Conv2d(8, 8, 3, 2), nn.ConvTranspose2d(8, 6, 3, 2, output_padding=1)
        self.thin, self.same = nn.Conv2d(6, 8, (1, 3), padding=(0, 1)), nn.Conv2d(8, 8, 3, padding="same")
        self.reflect, self.head = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.strided(F.relu(self.dilated(self.grouped(x)))))
        x = F.relu(self.same(F.relu(self.thin(F.relu(self.up(x))))))
        return self.head(F.relu(self.reflect(x)))


class Flattened(nn.Module):
    """`view` with the batch size read from the input, and a hidden linear layer with BatchNorm1d."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.hidden = conv(3, 8, stride=2), nn.Linear(8 * 8 * 8, 16)
        self.bn, self.fc = nn.BatchNorm1d(16), nn.Linear(16, CLASSES_OUT)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        return self.fc(F.relu(self.bn(self.hidden(x.view(x.size(0), -1)))))


class LogSoftmaxOutput(nn.Module):
    """Returns log-probabilities in bits, so that they are no log-softmax that is taken off."""

    def __init__(self) -> None:
        super().__init__()
        self.body = FunctionalReLU()

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.body(x), 1) / math.log(2)


# --- those that break the common contract -------------------------------------------------------------------


class TupleOutput(FunctionalReLU):
    """Returns `(logits, features)`."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu(self.conv1(x))
        return self.head(features), features


@dataclass
class Output:
    """What `ObjectOutput` returns."""

    logits: Tensor


class ObjectOutput(FunctionalReLU):
    """Returns an object with `.logits`."""

    def forward(self, x: Tensor) -> Output:
        return Output(super().forward(x))


class DictOutput(FunctionalReLU):
    """Returns `{"scores": logits}`: only a picker given as `output=` can find them."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"scores": super().forward(x)}


class SingleLogit(nn.Module):
    """One logit per image, `(N, 1)`: a yes-or-no classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.head = conv(3, 8), Head(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv1(x)))


class DataDependent(FunctionalReLU):
    """Branches in Python on the values of its input: there is no one graph to capture."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.isfinite().all() else x.nan_to_num())


class TrainingMode(nn.Module):
    """Left in training mode, with BatchNorm and dropout that behave differently there."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn, self.dropout, self.head = conv(3, 8), nn.BatchNorm2d(8), nn.Dropout(0.5), Head(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(F.relu(self.bn(self.conv1(x)))))


CLASSES: dict[str, type[nn.Module]] = {
    cls.__name__: cls
    for cls in (
        FunctionalReLU, InplaceAdd, ReusedModules, ReusedBatchNorm, InplaceOps, PreActivation, NoBias,
        BatchNormBeforePaddedConv, OverlappingPools, Gate, Concatenation, Dropouts, Normalised, FlipAndSlice,
        Smooth, LeakyActivations, SoftmaxAttention, SharedConvOutput, OtherNorms, OddConvolutions, Flattened,
        LogSoftmaxOutput,
    )
}  # fmt: skip
SPECIAL: dict[str, type[nn.Module]] = {
    cls.__name__: cls
    for cls in (TupleOutput, ObjectOutput, DictOutput, SingleLogit, DataDependent, TrainingMode)
}
NAMES = tuple(CLASSES)


def build(name: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The net `name` with random weights, the same at every call; in eval mode except `TrainingMode`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = (CLASSES | SPECIAL)[name]()
        initialise(model, SIZE)
    return model.train(name == "TrainingMode").to(dtype)


def images(n: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    """`(n, 3, 16, 16)` inputs for `build`."""
    return photographs(n, SIZE, seed=1).to(dtype)
