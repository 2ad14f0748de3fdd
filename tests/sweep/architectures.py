"""The networks of the sweep: one of each family, the smallest that its library makes, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from tests import torchvision_shim, zoo
from tests.sweep import weights
from tests.sweep.checks import Subject, computes_in_single, is_constant, logits

CLASSES = 5


@dataclass(frozen=True)
class Architecture:
    """A family, and the network that stands for it.

    Attributes:
        library: ``torchvision``, ``timm`` or ``transformers``.
        name: what the library calls the network: a function, a model or a class.
        family: what papers call the family.
        size: height and width of the images.
        make: the network, as the library initialises it.
    """

    library: str
    name: str
    family: str
    size: int
    make: Callable[[], nn.Module]

    def __reduce__(self) -> tuple:
        """What makes a network may be a function in a function: another process looks it up by its name."""
        return named, (self.name,)

    def subject(self) -> Subject:
        """The network in double precision with drawn weights, and what it is asked.

        Raises:
            Constant: its scores do not depend on the images.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = self.make().eval().double().requires_grad_(False)
        weights.draw(model, self.size)
        images = zoo.photographs(3, self.size, seed=1).double()
        if is_constant(model, images):
            raise Constant(self.name)
        baseline = zoo.photographs(1, self.size, seed=2).double()[0]
        return Subject(model, images, _targets(model, images), baseline, computes_in_single(model, images))


def _targets(model: nn.Module, images: Tensor) -> Tensor:
    """The best class of the first image, the second best of the second, and so on: (N,)."""
    with torch.no_grad():
        best = logits(model, images).argsort(1, descending=True)
    return best.diagonal().clone()


def named(name: str) -> Architecture:
    """The network of the sweep that its library calls ``name``."""
    return next(architecture for architecture in ARCHITECTURES if architecture.name == name)


class Constant(Exception):
    """A network whose scores are the same for all images, so that there is nothing to explain."""


def _torchvision(name: str, family: str, size: int, **options: Any) -> Architecture:
    """``name``: a model, or ``module.Class`` where only the class takes what makes it small."""

    def make() -> nn.Module:
        torchvision_shim.install()
        from torchvision import models

        if "." in name:
            return _class(models, name)(num_classes=CLASSES, **options)
        return models.get_model(name, weights=None, num_classes=CLASSES, **options)

    return Architecture("torchvision", name, family, size, make)


def _timm(name: str, family: str, size: int, **options: Any) -> Architecture:
    """``name``: as for torchvision."""

    def make() -> nn.Module:
        torchvision_shim.install()
        import timm

        if "." in name:
            return _class(timm.models, name)(num_classes=CLASSES, **options)
        return timm.create_model(name, pretrained=False, num_classes=CLASSES, **options)

    return Architecture("timm", name, family, size, make)


def _halonet() -> nn.Module:
    """HaloNet's own sizes ask for 256 pixels: blocks of 8 in the fifth stage."""
    torchvision_shim.install()
    from timm.models.byobnet import ByoBlockCfg, ByobNet, ByoModelCfg

    blocks = (
        ByoBlockCfg(type="bottle", d=1, c=32, s=2, gs=0, br=0.25),
        ByoBlockCfg(type="self_attn", d=1, c=64, s=2, gs=0, br=0.25),
    )
    halo = {"block_size": 4, "halo_size": 1, "dim_head": 8}
    cfg = ByoModelCfg(blocks, stem_chs=16, stem_pool="", self_attn_layer="halo", self_attn_kwargs=halo)
    return ByobNet(cfg, num_classes=CLASSES)


def _class(models: ModuleType, name: str) -> type[nn.Module]:
    module, _, kind = name.partition(".")
    return getattr(getattr(models, module), kind)


def _transformers(kind: str, family: str, size: int, **options: Any) -> Architecture:
    def make() -> nn.Module:
        torchvision_shim.install()
        import transformers

        config = getattr(transformers, f"{kind}Config")(num_labels=CLASSES, **options)
        return getattr(transformers, f"{kind}ForImageClassification")(config)

    return Architecture("transformers", f"{kind}ForImageClassification", family, size, make)


_TOKENS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}

XCEPTION = [
    {"in_chs": 64, "out_chs": 48, "stride": 2},
    {"in_chs": 48, "out_chs": 48, "stride": 1},
    {"in_chs": 48, "out_chs": (48, 64, 64), "stride": 2},
    {"in_chs": 64, "out_chs": (64, 64, 96), "stride": 1, "no_skip": True, "start_with_relu": False},
]

ARCHITECTURES = (
    _torchvision("alexnet", "AlexNet", 64),
    _torchvision("squeezenet1_1", "SqueezeNet", 32),
    _torchvision("googlenet", "GoogLeNet", 32, aux_logits=False, init_weights=False),
    _torchvision("inception_v3", "Inception v3", 75, aux_logits=False, init_weights=False),
    _torchvision("mnasnet0_5", "MNASNet", 32),
    _torchvision("shufflenet_v2_x0_5", "ShuffleNet v2", 32),
    _timm("test_resnet", "ResNet", 32),
    _timm("resnext26ts", "BYOBNet", 32),
    _timm("densenet121", "DenseNet", 32, growth_rate=8, block_config=(2, 2, 2, 2)),
    _timm("test_vit", "ViT", 32, img_size=32, dynamic_img_size=False),
    _timm("test_byobnet", "RegNetZ", 32),
    _timm("test_convnext", "ConvNeXt", 32),
    _timm("test_efficientnet", "EfficientNet", 32),
    _timm("test_maxvit", "MaxViT", 160),
    _timm("test_coatnet", "CoAtNet", 160),
    _timm("test_nfnet", "NFNet", 32),
    _timm("test_mambaout", "MambaOut", 32),
    _timm("mobilenetv3_small_050", "MobileNet v3", 32),
    _timm("mobilenetv4_conv_small_035", "MobileNet v4", 32),
    _timm("ghostnet_050", "GhostNet", 32),
    _timm("lcnet_035", "LCNet", 32),
    _timm("semnasnet_050", "SE-MNASNet", 32),
    _timm("vgg.VGG", "VGG", 32, cfg=[8, "M", 16, "M", 16, "M", 16, "M", 16, "M"], mlp_ratio=1 / 128),
    Architecture("timm", "byobnet.ByobNet", "HaloNet", 32, _halonet),
    _timm("botnet26t_256", "BoTNet", 64, img_size=64),
    _timm("lambda_resnet26t", "LambdaNet", 64),
    _timm("mlp_mixer.MlpMixer", "MLP-Mixer", 32, img_size=32, patch_size=8, num_blocks=2, embed_dim=32),
    _timm("gmlp_ti16_224", "gMLP", 64, img_size=64),
    _timm("resmlp_12_224", "ResMLP", 64, img_size=64),
    _timm("convmixer.ConvMixer", "ConvMixer", 32, dim=32, depth=2),
    _timm("cait_xxs24_224", "CaiT", 32, img_size=32, depth=2, embed_dim=32, num_heads=2),
    _timm("coat_lite_tiny", "CoaT", 32, img_size=32, embed_dims=[16, 24, 32, 40], serial_depths=[1, 1, 1, 1]),
    _timm("convit_tiny", "ConViT", 32, img_size=32, depth=3, embed_dim=32, num_heads=2, local_up_to_layer=2),
    _timm("crossvit_tiny_240", "CrossViT", 240, depth=[[1, 1, 0]], embed_dim=[16, 32], num_heads=[2, 2]),
    _timm("cspdarknet53", "CSPNet", 32),
    _timm(
        "davit_tiny", "DaViT", 64, depths=(1, 1, 1, 1), embed_dims=(16, 32, 48, 64), num_heads=(1, 2, 3, 4)
    ),
    _timm("dla46_c", "DLA", 32),
    _timm("dpn48b", "DPN", 32),
    _timm("edgenext_xx_small", "EdgeNeXt", 32, depths=(1, 1, 2, 1)),
    _timm("efficientformer_l1", "EfficientFormer", 224, depths=(1, 1, 1, 2), embed_dims=(8, 16, 24, 32)),
    _timm("efficientformerv2_s0", "EfficientFormer v2", 64, img_size=64, depths=(1, 1, 2, 2)),
    _timm("efficientvit_b0", "EfficientViT (MIT)", 64),
    _timm("efficientvit_m0", "EfficientViT (MSRA)", 64, img_size=64),
    _timm("eva02_tiny_patch14_224", "EVA-02", 28, img_size=28, depth=2, embed_dim=32, num_heads=2),
    _timm("fasternet_t0", "FasterNet", 32),
    _timm("fastvit_sa12", "FastViT", 32, layers=(1, 1, 1, 1), embed_dims=(16, 32, 32, 64)),
    _timm("gcvit.GlobalContextVit", "GC ViT", 64, img_size=64, embed_dim=16, depths=(1, 1, 1, 1)),
    _timm("hgnetv2_b0", "HGNet v2", 32),
    _timm("hiera_tiny_224", "Hiera", 64, img_size=64, embed_dim=16, stages=(1, 1, 1, 1)),
    _timm("hrnet_w18_small", "HRNet", 32),
    _timm("inception_next_atto", "InceptionNeXt", 32),
    _timm("mvitv2_tiny", "MViT v2", 64, img_size=64),
    _timm(
        "nest.Nest", "NesT", 32, img_size=32, embed_dims=(16, 24, 32), num_heads=(1, 2, 2), depths=(1, 1, 1)
    ),
    _timm("nextvit_small", "NextViT", 32, depths=(1, 1, 5, 1), stem_chs=(8, 8, 8)),
    _timm("nasnetalarge", "NASNet", 64, stem_size=16, num_features=768),
    _timm("pit_ti_224", "PiT", 64, img_size=64, depth=[1, 1, 1]),
    _timm("pvt_v2_b0", "PVT v2", 32, depths=(1, 1, 1, 1)),
    _timm("rdnet_tiny", "RDNet", 32, num_blocks_list=[1] * 7),
    _timm("repghostnet_050", "RepGhostNet", 32),
    _timm("repvit_m0_9", "RepViT", 32, embed_dim=(16, 24, 32, 48), depth=(1, 1, 2, 1)),
    _timm("res2net50_26w_4s", "Res2Net", 32, layers=(1, 1, 1, 1)),
    _timm("resnest14d", "ResNeSt", 32),
    _timm("rexnet_100", "ReXNet", 32),
    _timm("selecsls42", "SelecSLS", 32),
    _timm(
        "sequencer2d_s",
        "Sequencer2D",
        32,
        layers=[1, 1, 1, 1],
        embed_dims=[16, 32, 32, 32],
        hidden_sizes=[4, 8, 8, 8],
    ),
    _timm("shvit_s1", "SHViT", 64, depth=(1, 1, 1)),
    _timm("skresnet18", "SKNet", 32),
    _timm("starnet_s050", "StarNet", 32),
    _timm(
        "tiny_vit_5m_224",
        "TinyViT",
        64,
        depths=[1, 1, 1, 1],
        embed_dims=[16, 32, 32, 32],
        num_heads=[1, 2, 2, 2],
    ),
    _timm(
        "tnt_s_patch16_224", "TNT", 32, img_size=32, depth=2, embed_dim=48, inner_dim=12, num_heads_outer=2
    ),
    _timm("tresnet_m", "TResNet", 32, layers=[1, 1, 1, 1], width_factor=0.25),
    _timm(
        "twins_svt_small",
        "Twins",
        64,
        img_size=64,
        depths=[2, 2, 2, 2],
        embed_dims=[16, 32, 32, 64],
        num_heads=[1, 2, 2, 4],
    ),
    _timm("visformer_tiny", "Visformer", 64, img_size=64, depth=(1, 1, 1), embed_dim=48),
    _timm(
        "vit_relpos_small_patch16_224",
        "ViT with relative positions",
        32,
        img_size=32,
        depth=2,
        embed_dim=32,
        num_heads=2,
    ),
    _timm("vitamin_small_224", "ViTamin", 32, img_size=32, depth=2),
    _timm(
        "volo.VOLO",
        "VOLO",
        32,
        img_size=32,
        layers=(1, 1, 1, 1),
        embed_dims=(16, 32, 32, 32),
        num_heads=(1, 2, 2, 2),
    ),
    _timm("ese_vovnet19b_slim_dw", "VoVNet", 32),
    _timm("xception_aligned.XceptionAligned", "Xception", 32, block_cfg=XCEPTION),
    _timm("xcit_nano_12_p16_224", "XCiT", 32, depth=2, embed_dim=32, num_heads=2),
    _transformers("ViT", "ViT", 32, intermediate_size=32, **_TOKENS),
    _transformers("DeiT", "DeiT", 32, intermediate_size=32, **_TOKENS),
    _transformers("Beit", "BEiT", 32, intermediate_size=32, use_relative_position_bias=True, **_TOKENS),
    _transformers("Dinov2", "DINOv2", 32, mlp_ratio=2, **_TOKENS),
    _transformers("Dinov2WithRegisters", "DINOv2 with registers", 32, mlp_ratio=2, **_TOKENS),
    _transformers(
        "Swin", "Swin", 32, image_size=32, embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=4
    ),
    _transformers(
        "Swinv2", "Swin v2", 32, image_size=32, embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=4
    ),
    _transformers("ConvNext", "ConvNeXt", 32, num_stages=2, hidden_sizes=[8, 16], depths=[1, 1]),
    _transformers("ConvNextV2", "ConvNeXt v2", 32, num_stages=2, hidden_sizes=[8, 16], depths=[1, 1]),
    _transformers("ResNet", "ResNet", 32, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1]),
    _transformers(
        "RegNet", "RegNet", 32, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=4
    ),
    _transformers(
        "MobileViT", "MobileViT", 64, hidden_sizes=[16, 20, 24], neck_hidden_sizes=[8, 8, 16, 16, 16, 16, 32]
    ),
    _transformers("MobileViTV2", "MobileViT v2", 64, width_multiplier=0.25, n_attn_blocks=[1, 1, 1]),
    _transformers("PoolFormer", "PoolFormer", 32, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1]),
    _transformers(
        "Levit",
        "LeViT",
        64,
        image_size=64,
        hidden_sizes=[32, 48, 64],
        num_attention_heads=[2, 3, 4],
        depths=[1, 1, 1],
    ),
    _transformers("Cvt", "CvT", 32, embed_dim=[8, 16, 24], num_heads=[1, 2, 3], depth=[1, 2, 3]),
    _transformers(
        "Segformer",
        "SegFormer",
        64,
        hidden_sizes=[8, 16, 20, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 5, 8],
    ),
    _transformers(
        "FocalNet",
        "FocalNet",
        32,
        image_size=32,
        embed_dim=8,
        depths=[1, 1],
        focal_levels=[2, 2],
        focal_windows=[3, 3],
        hidden_sizes=[8, 16],
    ),
    _transformers("Bit", "BiT", 32, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_groups=4),
    _transformers("SwiftFormer", "SwiftFormer", 64, depths=[1, 1, 1, 1], embed_dims=[8, 16, 24, 32]),
    _transformers("Pvt", "PVT", 32, image_size=32, hidden_sizes=[8, 16, 20, 32], depths=[1, 1, 1, 1]),
    _transformers("MobileNetV1", "MobileNet v1", 32, depth_multiplier=0.25),
    _transformers("MobileNetV2", "MobileNet v2", 32, depth_multiplier=0.25),
    _transformers("CLIP", "CLIP", 32, vision_config=dict(_TOKENS, intermediate_size=32)),
    _transformers("HGNetV2", "HGNet v2", 32),
)
