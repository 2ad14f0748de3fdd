"""LeGrad and rollout of ViT-B/16, beside a forward pass and beside the eager model's gradient by its image.

transformers' own class with random weights. The authors' way is autograd by the written-out attention, an
image for each prompt, as their code does it; its memory is measured beside ours.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from pyxai.bench import interleave
from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from tests import torchvision_shim, zoo

torchvision_shim.install()

FORWARD, GRADIENT, AUTHORS = "our forward", "forward + input gradient, eager", "the authors' way"
PROMPTS = 16


def vit(options: Options | None = None, **settings: object) -> nn.Module:
    """ViT-B/16 of transformers, the same random weights at every call."""
    import transformers

    quick = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 192}
    small = quick if options is not None and options.quick else {}
    config = transformers.ViTConfig(num_labels=1000, **small | settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.ViTForImageClassification(config).eval()
    return model.to(options.device if options is not None else "cpu").requires_grad_(False)


def explained(model: nn.Module, images: Tensor, method: str, target: object = 0, **settings: object):
    """A call of a method, captured and ready."""
    explainer = pyxai.Explainer(model, method, rows=len(images), **settings)
    explainer(images, target)
    return lambda: explainer(images, target)


def forward(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    executor = Executor(capture(Classifier(model), images), len(images))
    return lambda: executor.scores(images, len(images))


def eager_gradient(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    def call() -> Tensor:
        leaf = images.clone().requires_grad_(True)
        return torch.autograd.grad(model(leaf).logits[:, 0].sum(), leaf)[0]

    return call


def authors(model: nn.Module, images: Tensor, prompts: int = 1) -> Callable[[], Tensor]:
    """Autograd by the attention of all blocks, with an image for each prompt and all graphs kept."""
    model.set_attn_implementation("eager")

    def call() -> Tensor:
        copies = images.repeat_interleave(prompts, 0).requires_grad_(True)
        found = model(copies, output_attentions=True, output_hidden_states=True)
        maps = []
        for attention, tokens in zip(found.attentions, found.hidden_states[1:], strict=True):
            score = model.classifier(model.vit.layernorm(tokens.mean(1)))[:, 0].sum()
            (gradient,) = torch.autograd.grad(score, attention, retain_graph=True, create_graph=True)
            maps.append(gradient.clamp(min=0).mean((1, 2))[:, 1:].detach())
        return torch.stack(maps).mean(0)

    return call


def speed(results: Results, options: Options) -> None:
    """One class, beside what any way must do."""
    model, images = vit(options), zoo.photographs(2 if options.quick else 4, 224).to(options.device)
    functions = {
        FORWARD: forward(model, images),
        GRADIENT: eager_gradient(model, images),
        "LeGrad, class token": explained(model, images, "legrad", pooling="model"),
        "LeGrad, mean of tokens": explained(model, images, "legrad"),
        "rollout": explained(model, images, "attention_rollout"),
        AUTHORS: authors(vit(options), images),
    }
    claims = (
        Claim("LeGrad, class token", FORWARD, 1.12),
        Claim("LeGrad, class token", GRADIENT, 0.50),
        Claim("LeGrad, mean of tokens", GRADIENT, 0.75),
        Claim("rollout", FORWARD, 1.3),
    )
    what = f"LeGrad, all blocks, ViT-B/16, {len(images)} images of 224²"
    results.add(what, interleave(functions, options.rounds, at_least=options.at_least), *claims)


def prompts(results: Results, options: Options) -> None:
    """Sixteen classes beside one."""
    model, images = vit(options), zoo.photographs(2 if options.quick else 4, 224).to(options.device)
    many = torch.arange(PROMPTS, device=options.device).expand(len(images), -1)
    for kind, settings, most in (
        ("class token", {"pooling": "model"}, 1.2),
        ("mean of tokens, last two blocks", {"blocks": 2}, 2.3),
        ("mean of tokens, all blocks", {}, 0.5 * PROMPTS),
    ):
        functions = {
            "one class": explained(model, images, "legrad", **settings),
            f"{PROMPTS} classes": explained(model, images, "legrad", many, **settings),
        }
        seconds = interleave(functions, options.rounds, at_least=options.at_least)
        what = f"LeGrad, {kind}, ViT-B/16, {len(images)} images of 224²"
        results.add(what, seconds, Claim(f"{PROMPTS} classes", "one class", most))


def memory(results: Results, options: Options) -> None:
    """What a call takes beyond the model, ours and the authors' way."""
    if options.device != "cpu":
        return
    for size, count in ((224, 1), (224, 4)) if options.quick else ((224, 1), (224, PROMPTS), (448, 1)):
        added = {
            who: harness.peak_memory(
                "benchmarks.bench_attention:alone", who=who, size=size, count=count
            ).added
            for who in ("pyxai", AUTHORS)
        }
        what = f"LeGrad, mean of tokens, ViT-B/16, one image of {size}², {count} classes"
        for who, size_ in added.items():
            results.state(f"{what}: peak memory of {who} beyond the model's", size_ / 2**20, "MiB")
        results.state(f"{what}: peak memory, pyxai ÷ {AUTHORS}", added["pyxai"] / added[AUTHORS])


def alone(who: str, size: int, count: int) -> Callable[[], object]:
    """A LeGrad, ready to be called: for the memory measurement."""
    torch.set_num_threads(2)
    model, images = vit(image_size=size), zoo.photographs(1, size)
    if who == AUTHORS:
        return authors(model, images, count)
    return explained(model, images, "legrad", torch.arange(count)[None])


PARTS = {"speed": speed, "prompts": prompts, "memory": memory}


def main() -> None:
    harness.run_parts("attention", __doc__, PARTS)


if __name__ == "__main__":
    main()
