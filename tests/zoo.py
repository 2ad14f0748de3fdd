"""Classifiers for tests and benchmarks, and the real photographs they are tried on.

Two kinds of network. *Trained*: `resnet20_cifar10()` and `squeezenet_imagenet()` return `(model, preprocess)`
with weights from the test data folder (`PYXAI_TEST_DATA`, by default `../shared/data` beside the checkout),
so that they also serve as a model spec, `--model tests/zoo.py:resnet20_cifar10`. *Random*: `build(name)`
makes one of `NAMES` with Kaiming weights and the BatchNorm statistics of one forward pass, the same on every
call. Five are defined here, so that benchmarks need torch only; the others come from torchvision, without
weights.
"""

from __future__ import annotations

import functools
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

# --- networks -----------------------------------------------------------------------------------------------


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (He et al. 2015, figure 5 left)."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += shortcut
        return self.relu(out)


class ResNet18(nn.Module):
    """ResNet-18 for ImageNet, parameters in torchvision's order."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._stage(64, 64, 1)
        self.layer2 = self._stage(64, 128, 2)
        self.layer3 = self._stage(128, 256, 2)
        self.layer4 = self._stage(256, 512, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)

    @staticmethod
    def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        shortcut = None
        if inputs != outputs:
            shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        return nn.Sequential(
            BasicBlock(inputs, outputs, stride, shortcut), BasicBlock(outputs, outputs, 1, None)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class PadShortcut(nn.Module):
    """Parameter-free shortcut of the CIFAR ResNets ("option A"): every second pixel, zero channels on both
    sides.
    """

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, self.extra))


class CifarBlock(nn.Module):
    """Block of ResNet-20, written with functional ReLU as the published code is."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if stride == 1 else PadShortcut(outputs // 4)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet20(nn.Module):
    """ResNet-20 for CIFAR-10 (He et al. 2015, section 4.2); input (N, 3, 32, 32) or any even multiple."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, 1)
        self.layer2 = self._stage(16, 32, 2)
        self.layer3 = self._stage(32, 64, 2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        blocks = [CifarBlock(inputs, outputs, stride)]
        return nn.Sequential(*blocks, *(CifarBlock(outputs, outputs, 1) for _ in range(2)))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class Fire(nn.Module):
    """Squeeze to few channels, expand with 1×1 and 3×3 convolutions side by side (Iandola et al. 2016)."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.squeeze(x))
        return torch.cat([self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0 in its first, Caffe shape: the last 1×1 convolution is padded."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, 2)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        inputs = 96
        for number, (squeeze, expand) in enumerate(
            [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)], start=2
        ):
            setattr(self, f"fire{number}", Fire(inputs, squeeze, expand))
            inputs = 2 * expand
        self.conv_final = nn.Conv2d(inputs, classes, 1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.fire4(self.fire3(self.fire2(x))))
        x = self.pool(self.fire8(self.fire7(self.fire6(self.fire5(x)))))
        return self.relu(self.conv_final(self.fire9(x))).mean((2, 3))


class SqueezeExcite(nn.Module):
    """Channel gate from the pooled features (Hu et al. 2018), with the hard sigmoid of MobileNetV3."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.fc2(self.relu(self.fc1(self.avgpool(x))))) * x


class InvertedResidual(nn.Module):
    """Expand, depthwise convolution, gate, project (Howard et al. 2019)."""

    def __init__(
        self, inputs: int, kernel: int, hidden: int, outputs: int, gated: bool, hardswish: bool, stride: int
    ) -> None:
        super().__init__()
        act = nn.Hardswish if hardswish else nn.ReLU
        layers = [] if hidden == inputs else [_conv_bn(inputs, hidden, 1, act=act)]
        layers.append(_conv_bn(hidden, hidden, kernel, stride, groups=hidden, act=act))
        if gated:
            layers.append(SqueezeExcite(hidden, max(8, (hidden // 4 + 4) // 8 * 8)))
        layers.append(_conv_bn(hidden, outputs, 1, act=nn.Identity))
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.residual else self.block(x)


def _conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: type = nn.Hardswish
) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, eps=1e-3), act())


class MobileNetV3Small(nn.Module):
    """MobileNetV3-small (Howard et al. 2019, table 2), parameters in torchvision's order."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        rows = [  # inputs, kernel, hidden, outputs, gated, hardswish, stride
            (16, 3, 16, 16, True, False, 2),
            (16, 3, 72, 24, False, False, 2),
            (24, 3, 88, 24, False, False, 1),
            (24, 5, 96, 40, True, True, 2),
            (40, 5, 240, 40, True, True, 1),
            (40, 5, 240, 40, True, True, 1),
            (40, 5, 120, 48, True, True, 1),
            (48, 5, 144, 48, True, True, 1),
            (48, 5, 288, 96, True, True, 2),
            (96, 5, 576, 96, True, True, 1),
            (96, 5, 576, 96, True, True, 1),
        ]
        blocks = [InvertedResidual(*row) for row in rows]
        self.features = nn.Sequential(_conv_bn(3, 16, 3, 2), *blocks, _conv_bn(96, 576, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(576, 1024), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(1024, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Attention(nn.Module):
    """Multi-head self-attention through torch's fused call, as timm and torchvision do it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        query, key, value = (
            self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(n, tokens, width))


class EncoderBlock(nn.Module):
    """Pre-norm transformer block (Dosovitskiy et al. 2020)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViTB16(nn.Module):
    """Vision Transformer B/16 (Dosovitskiy et al. 2020). `size`: height and width of the input."""

    def __init__(
        self, classes: int = 1000, size: int = 224, width: int = 768, depth: int = 12, heads: int = 12
    ) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.position = nn.Parameter(torch.zeros(1, (size // 16) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], 1) + self.position
        return self.head(self.norm(self.blocks(tokens))[:, 0])


# --- random weights -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One network of the registry: `make(size)` builds it, `size` is its usual input, `small` a quick one
    for tests.
    """

    make: Callable[[int], nn.Module]
    size: int = 224
    small: int = 64


def _torchvision(name: str, **options: object) -> Callable[[int], nn.Module]:
    def make(size: int) -> nn.Module:
        from tests import torchvision_shim

        torchvision_shim.install()
        from torchvision import models as torchvision_models

        return getattr(torchvision_models, name)(weights=None, **options)

    return make


ZOO: dict[str, Entry] = {
    "resnet18": Entry(lambda size: ResNet18()),
    "resnet20": Entry(lambda size: ResNet20(), size=32, small=32),
    "resnet50": Entry(_torchvision("resnet50")),
    "vgg16": Entry(_torchvision("vgg16", init_weights=False), small=32),
    "densenet121": Entry(_torchvision("densenet121")),
    "mobilenet_v2": Entry(_torchvision("mobilenet_v2")),
    "mobilenet_v3_small": Entry(lambda size: MobileNetV3Small()),
    "efficientnet_b0": Entry(_torchvision("efficientnet_b0")),
    "convnext_tiny": Entry(_torchvision("convnext_tiny")),
    "squeezenet1_0": Entry(lambda size: SqueezeNet(), size=227, small=67),
    "googlenet": Entry(_torchvision("googlenet", aux_logits=False, init_weights=False)),
    "vit_b16": Entry(lambda size: ViTB16(size=size)),
}
NAMES = tuple(ZOO)


def build(name: str, *, small: bool = False, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The network `name` in eval mode with the same random weights at every call; parameters require
    gradients.

    `small` builds it for the quick input size (only the ViT's position table depends on it). Torch's global
    random state is left as it was.
    """
    entry = ZOO[name]
    size = entry.small if small else entry.size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = entry.make(size)
        initialise(model, size)
    return model.eval().to(dtype)


def initialise(model: nn.Module, size: int) -> None:
    """Kaiming weights, small biases, and BatchNorm statistics from one forward pass over `photographs(8,
    size)`.
    """
    norms = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.05)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, std=0.1)
            norms.append(module)
    for name, parameter in model.named_parameters():
        if name.endswith(("class_token", "position")):
            nn.init.normal_(parameter, std=0.02)
        elif name.endswith("layer_scale"):  # ConvNeXt's start, 1e-6, would have it ignore its own blocks
            nn.init.uniform_(parameter, 0.2, 0.6)
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.train()
        norm.momentum = None  # a plain average: of one batch, that batch's statistics
    with torch.no_grad():
        model(photographs(8, size))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum


def photographs(n: int, size: int, seed: int = 0) -> Tensor:
    """`(n, 3, size, size)` noise with the coarse-to-fine spectrum of photographs, of zero mean and unit
    variance.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(n, 3, size, size)
    for side in (4, 8, 16, 32, 64):
        coarse = torch.randn(n, 3, side, side, generator=generator)
        images += F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    return (images - images.mean()) / images.std()


def models(
    names: Iterable[str] = NAMES, *, n: int = 2, small: bool = True, dtype: torch.dtype = torch.float32
) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Yield `(name, model, images)` one after the other; images are `(n, 3, H, W)` at the network's quick
    or usual size.
    """
    for name in names:
        size = ZOO[name].small if small else ZOO[name].size
        yield name, build(name, small=small, dtype=dtype), photographs(n, size, seed=1).to(dtype)


# --- trained weights and real photographs -------------------------------------------------------------------

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN = (104.0, 117.0, 123.0)  # blue, green, red
DATA_FILES = (
    "resnet20_cifar10.npz",
    "squeezenet1_0_imagenet.npz",
    "cifar10_test_2000.zip",
    "imagenet_sample_50.zip",
)
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def data_folder() -> Path:
    """Where the test data is expected: `PYXAI_TEST_DATA`, else `../shared/data` beside the checkout."""
    return Path(os.environ.get("PYXAI_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def missing_data() -> str:
    """Why tests on real data must be skipped; empty if they need not be."""
    folder = data_folder()
    absent = [name for name in DATA_FILES if not (folder / name).is_file()]
    return f"no test data: {folder} lacks {', '.join(absent)} (set PYXAI_TEST_DATA)" if absent else ""


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """Fill `model` with the arrays of an `.npz`; every parameter and buffer must be named there, and
    nothing else.
    """
    with np.load(path, allow_pickle=False) as arrays:
        state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    model.load_state_dict(_counters(model) | state, strict=True)
    return model.eval()


def _counters(model: nn.Module) -> dict[str, Tensor]:
    """The batch counters of BatchNorm, which the published arrays leave out and eval mode does not read."""
    return {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}


def resnet20_cifar10() -> tuple[nn.Module, object]:
    """The trained ResNet-20 and its preprocessing, for 32×32 photographs."""
    from pyxai.engine.data.preprocess import Preprocess

    return trained_resnet20(), Preprocess(mean=IMAGENET_MEAN, std=IMAGENET_STD)


def squeezenet_imagenet() -> tuple[nn.Module, object]:
    """The trained SqueezeNet 1.0 and its preprocessing: short side 256, centre 227×227, BGR in 0..255 less
    the mean.
    """
    from pyxai.engine.data.preprocess import Preprocess

    mean, std = CAFFE_MEAN, (1.0, 1.0, 1.0)
    return trained_squeezenet(), Preprocess(256, 227, mean, std, channels="BGR", scale=255.0)


def trained_resnet20() -> nn.Module:
    return load_weights(ResNet20(), data_folder() / "resnet20_cifar10.npz")


def trained_squeezenet() -> nn.Module:
    return load_weights(SqueezeNet(), data_folder() / "squeezenet1_0_imagenet.npz")


def cifar10_images(n: int = 2000) -> tuple[Tensor, Tensor]:
    """`n` photographs spread evenly over the classes: `(n, 3, 32, 32)` as the ResNet-20 wants them, and
    labels `(n,)`.
    """
    names = _names("cifar10_test_2000.zip", n)
    pixels = torch.stack([_pixels("cifar10_test_2000.zip", name) for name in names])
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))
    labels = torch.tensor([CIFAR10_CLASSES.index(name.split("/")[0]) for name in names])
    return (pixels - mean) / std, labels


def imagenet_images(n: int = 50) -> tuple[Tensor, Tensor]:
    """`n` ImageNet photographs: `(n, 3, 227, 227)` as the SqueezeNet wants them, and labels `(n,)`."""
    names = _names("imagenet_sample_50.zip", n)
    pixels = torch.stack([_pixels("imagenet_sample_50.zip", name, resize=256, crop=227) for name in names])
    images = 255.0 * pixels.flip(1) - torch.tensor(CAFFE_MEAN).view(3, 1, 1)
    return images, torch.tensor([int(name.split("_")[0]) for name in names])


def imagenet_classes() -> list[str]:
    """The 1000 class names in index order."""
    return json.loads((data_folder() / "imagenet_classes.json").read_text())


@functools.cache
def _archive(name: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(data_folder() / name)


def _names(archive: str, n: int) -> list[str]:
    names = sorted(name for name in _archive(archive).namelist() if name.endswith(".jpg"))
    if not 1 <= n <= len(names):
        raise ValueError(f"{archive} holds {len(names)} photographs, asked for {n}")
    return [names[math.floor(k * len(names) / n)] for k in range(n)]


def _pixels(archive: str, name: str, resize: int | None = None, crop: int | None = None) -> Tensor:
    image = Image.open(io.BytesIO(_archive(archive).read(name))).convert("RGB")
    if resize is not None and min(image.size) != resize:
        ratio = resize / min(image.size)
        image = image.resize([round(side * ratio) for side in image.size], Image.Resampling.BILINEAR)
    if crop is not None:
        left, top = ((side - crop) // 2 for side in image.size)
        image = image.crop((left, top, left + crop, top + crop))
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255.0).permute(2, 0, 1).contiguous()
