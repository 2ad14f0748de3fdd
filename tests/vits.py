"""Small vision transformers of many makers with random weights, and what their own modules attend to.

Every entry of `VITS` builds a model in float64 for images (n, 3, 32, 32), says which of its modules end the
blocks, and has the head that its authors put behind the last of these. `eager` runs a model with attention
written out, by a mode that sees torch's functions as the model calls them: nothing of pyxai is in it.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tests import torchvision_shim

SIZE, PATCH, WIDTH, HEADS, DEPTH, CLASSES = 32, 8, 32, 4, 3, 5
PLACES = (SIZE // PATCH) ** 2


class Block(nn.Module):
    """A pre-norm block with attention written out."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.out(self.attend(*parts.unbind(0)).transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1) @ v


class PostNorm(Block):
    """The norms behind the sums, as in the first transformer."""

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = self.norm1(x + self.out(self.attend(*parts.unbind(0)).transpose(1, 2).flatten(2)))
        return self.norm2(x + self.mlp(x))


class Halves(nn.Module):
    """An MLP of two halves that are multiplied, by `chunk`."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.up(x).chunk(2, -1)
        return self.down(F.silu(gate) * value)


class Gated(Block):
    """A block with an MLP of halves."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = Halves()


class TokensFirst(nn.Module):
    """`nn.MultiheadAttention` over (T, n, D), as in older versions of open_clip."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Hand(nn.Module):
    """A vision transformer in a few lines.

    Args:
        block: makes a block.
        class_token: whether there is one, which the head reads; else it reads the mean of all.
        positions: whether tokens know where they are.
        grid: rows and columns of patches.
    """

    def __init__(
        self,
        block: Callable[[], nn.Module] = Block,
        class_token: bool = True,
        positions: bool = True,
        grid: tuple[int, int] = (SIZE // PATCH, SIZE // PATCH),
        depth: int = DEPTH,
    ) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH)) if class_token else None
        count = math.prod(grid) + class_token
        self.position = nn.Parameter(0.5 * torch.randn(1, count, WIDTH)) if positions else None
        self.blocks = nn.Sequential(*(block() for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def embed(self, images: Tensor) -> Tensor:
        x = self.patch(images).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        return x if self.position is None else x + self.position

    def end(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        return self.head(x.mean(1) if self.token is None else x[:, 0])

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.blocks(self.embed(images)))


class HandTokensFirst(Hand):
    """The same with the tokens in front of the images."""

    def __init__(self) -> None:
        super().__init__(TokensFirst)

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.blocks(self.embed(images).transpose(0, 1)).transpose(0, 1))


@dataclass(frozen=True)
class ViT:
    """One network: how it is made, where its blocks end, and what stands behind the last one.

    Attributes:
        prefix: how many tokens stand before the patches.
        pooled: whether attention pools the tokens.
        tokens_first: whether the blocks return (T, n, D).
    """

    make: Callable[[], nn.Module]
    blocks: Callable[[nn.Module], list[nn.Module]]
    head: Callable[[nn.Module, Tensor], Tensor]
    prefix: int = 1
    pooled: bool = False
    tokens_first: bool = False
    output: Any = None
    needs: str = "torch"


def _transformers(
    kind: str, task: str = "ForImageClassification", config: str = "", **options: Any
) -> nn.Module:
    import transformers

    torchvision_shim.install()
    common = {
        "hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "image_size": SIZE,
        "patch_size": PATCH, "num_labels": CLASSES,
    }  # fmt: skip
    made = getattr(transformers, config or f"{kind}Config")(**common | options)
    return getattr(transformers, f"{kind}{task}")(made)


def _timm(**options: Any) -> nn.Module:
    torchvision_shim.install()
    from timm.models.vision_transformer import VisionTransformer

    common = {"img_size": SIZE, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
    return VisionTransformer(**common | {"num_classes": CLASSES} | options)


def _torchvision() -> nn.Module:
    torchvision_shim.install()
    from torchvision.models import VisionTransformer

    model = VisionTransformer(SIZE, PATCH, DEPTH, HEADS, WIDTH, 2 * WIDTH, num_classes=CLASSES)
    return model


def _open_clip(**options: Any) -> nn.Module:
    torchvision_shim.install()
    from open_clip.transformer import VisionTransformer

    common = {
        "image_size": SIZE,
        "patch_size": PATCH,
        "width": WIDTH,
        "layers": DEPTH,
        "heads": HEADS,
        "mlp_ratio": 2.0,
    }
    return VisionTransformer(**common | {"output_dim": 12} | options)


def _hand(**options: Any) -> ViT:
    prefix = int(options.get("class_token", True))
    return ViT(lambda: Hand(**options), lambda m: list(m.blocks), lambda m, z: m.end(z), prefix)


def _clip_head(m: nn.Module, z: Tensor) -> Tensor:
    return m.visual_projection(m.vision_model.post_layernorm(z[:, 0]))


def _dino_head(m: nn.Module, z: Tensor) -> Tensor:
    z = m.dinov2.layernorm(z) if hasattr(m, "dinov2") else m.dinov2_with_registers.layernorm(z)
    first = 1 + getattr(m.config, "num_register_tokens", 0)
    patches = z[:, 1:] if hasattr(m, "dinov2") else z[:, first:]
    return m.classifier(torch.cat([z[:, 0], patches.mean(1)], 1))


def _siglip_end(m: nn.Module, z: Tensor) -> Tensor:
    return (
        m.head(m.post_layernorm(z))
        if hasattr(m, "post_layernorm")
        else m.vision_model.head(m.vision_model.post_layernorm(z))
    )


VITS: dict[str, ViT] = {
    "hand": _hand(),
    "hand, mean": _hand(class_token=False),
    "hand, post-norm": _hand(block=PostNorm),
    "hand, gated": _hand(block=Gated),
    "hand, tokens first": ViT(
        HandTokensFirst, lambda m: list(m.blocks), lambda m, z: m.end(z), tokens_first=True
    ),
    "torchvision": ViT(
        _torchvision,
        lambda m: list(m.encoder.layers),
        lambda m, z: m.heads(m.encoder.ln(z)[:, 0]),
        needs="torchvision",
    ),
    "timm": ViT(_timm, lambda m: list(m.blocks), lambda m, z: m.forward_head(m.norm(z)), needs="timm"),
    "timm, mean": ViT(
        lambda: _timm(global_pool="avg", class_token=False),
        lambda m: list(m.blocks),
        lambda m, z: m.forward_head(m.norm(z)),
        0,
        needs="timm",
    ),
    "timm, mean of patches": ViT(
        lambda: _timm(global_pool="avg", reg_tokens=2, qk_norm=True, init_values=0.3),
        lambda m: list(m.blocks),
        lambda m, z: m.forward_head(m.norm(z)),
        3,
        needs="timm",
    ),
    "timm, pooler": ViT(
        lambda: _timm(global_pool="map", class_token=False),
        lambda m: list(m.blocks),
        lambda m, z: m.forward_head(m.norm(z)),
        0,
        pooled=True,
        needs="timm",
    ),
    "transformers ViT": ViT(
        lambda: _transformers("ViT", intermediate_size=48),
        lambda m: list(m.vit.layers),
        lambda m, z: m.classifier(m.vit.layernorm(z)[:, 0]),
        needs="transformers",
    ),
    "transformers DeiT": ViT(
        lambda: _transformers("DeiT", intermediate_size=48),
        lambda m: list(m.deit.layers),
        lambda m, z: m.classifier(m.deit.layernorm(z)[:, 0]),
        2,
        needs="transformers",
    ),
    "transformers DINOv2": ViT(
        lambda: _transformers("Dinov2", mlp_ratio=2, layerscale_value=0.4),
        lambda m: list(m.dinov2.encoder.layer),
        _dino_head,
        needs="transformers",
    ),
    "transformers DINOv2, SwiGLU": ViT(
        lambda: _transformers("Dinov2", mlp_ratio=2, use_swiglu_ffn=True),
        lambda m: list(m.dinov2.encoder.layer),
        _dino_head,
        needs="transformers",
    ),
    "transformers CLIP": ViT(
        lambda: _transformers("CLIPVision", "ModelWithProjection", intermediate_size=48, projection_dim=12),
        lambda m: list(m.vision_model.encoder.layers),
        _clip_head,
        output="image_embeds",
        needs="transformers",
    ),
    "transformers SigLIP": ViT(
        lambda: _transformers("SiglipVision", "Model", intermediate_size=48),
        lambda m: list(m.encoder.layers),
        _siglip_end,
        0,
        pooled=True,
        output="pooler_output",
        needs="transformers",
    ),
    "open_clip": ViT(
        _open_clip,
        lambda m: list(m.transformer.resblocks),
        lambda m, z: m._pool(z)[0] @ m.proj,
        needs="open_clip",
    ),
    "open_clip, custom block": ViT(
        lambda: _open_clip(block_type="custom", qk_norm=True),
        lambda m: list(m.transformer.resblocks),
        lambda m, z: m._pool(z)[0] @ m.proj,
        needs="open_clip",
    ),
}
NAMES = tuple(VITS)
AT_HAND = tuple(name for name, vit in VITS.items() if importlib.util.find_spec(vit.needs))
# One of each form of attention, and of each way in which tokens are read.
EACH_FORM = (
    "hand", "hand, tokens first", "hand, gated", "torchvision", "timm, mean of patches",
    "transformers SigLIP", "open_clip",
)  # fmt: skip


def forms(names: Iterable[str] = AT_HAND) -> list[Any]:
    """The names as parameters of a test, slow but for one of each form."""
    return [name if name in EACH_FORM else pytest.param(name, marks=pytest.mark.slow) for name in names]


def build(name: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The network with the same random weights at every call, wide enough that attention is no mere mean."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VITS[name].make()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.25)
            else:
                nn.init.normal_(parameter, mean=float(parameter.detach().mean().round()), std=0.1)
    return model.to(dtype).eval()


def images(n: int = 2, dtype: torch.dtype = torch.float64, size: tuple[int, int] = (SIZE, SIZE)) -> Tensor:
    """`(n, 3, 32, 32)` noise."""
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


class Eager(TorchFunctionMode):
    """Writes fused attention out and keeps what each softmax gives, in the order of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.attentions: list[Tensor] = []

    def __torch_function__(self, function, types, arguments=(), settings=None):
        settings = settings or {}
        if function is F.scaled_dot_product_attention:
            return self._attend(*arguments, **settings)
        if function is F.multi_head_attention_forward:
            return self._attend_by_heads(*arguments[:7], *arguments[11:13]), None
        result = function(*arguments, **settings)
        if function in (F.softmax, torch.softmax, Tensor.softmax):
            self.attentions.append(result)
        return result

    def _attend(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **_):
        scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
        self.attentions.append((scores if attn_mask is None else scores + attn_mask).softmax(-1))
        return self.attentions[-1] @ value

    def _attend_by_heads(self, query, key, value, width, heads, weights, biases, weight, bias):
        """What `nn.MultiheadAttention` computes of (T, n, D), by its weights."""
        parts = zip((query, key, value), weights.chunk(3), biases.chunk(3), strict=True)
        split = [F.linear(*part).unflatten(-1, (heads, -1)).permute(1, 2, 0, 3) for part in parts]
        return F.linear(self._attend(*split).permute(2, 0, 1, 3).flatten(2), weight, bias)


def eager(name: str, model: nn.Module, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The attentions (n, h, T, S) of all blocks and the tokens (n, T, D) behind each, for autograd."""
    vit, tokens = VITS[name], []

    def see(module, arguments, result):
        result = result[0] if isinstance(result, tuple) else result
        tokens.append(result.transpose(0, 1) if vit.tokens_first else result)

    hooks = [block.register_forward_hook(see) for block in vit.blocks(model)]
    try:
        with torch.enable_grad(), Eager() as seen:
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return seen.attentions, tokens


def by_heads(attention: Tensor, count: int) -> Tensor:
    """An attention or its gradient as (n, h, T, S)."""
    return attention if attention.ndim == 4 else attention.unflatten(0, (count, -1))
