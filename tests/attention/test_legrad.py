"""LeGrad against autograd by the attention of each maker's own modules."""

import pytest
import torch
import torch.nn.functional as F

import pyxai
from pyxai.attention import legrad
from tests import vits


def gradient_maps(name, model, images, score, pooling="mean"):
    """The map (n, 4, 4) and the score (n,) of each block, by autograd."""
    vit = vits.VITS[name]
    attentions, tokens = vits.eager(name, model, images)
    maps, scores = [], []
    for attention, z in zip(attentions[: vits.DEPTH], tokens, strict=True):
        pooled = z.mean(1, keepdim=True).expand_as(z) if pooling == "mean" else z
        own = score(vit.head(model, pooled))
        (gradient,) = torch.autograd.grad(own.sum(), attention, retain_graph=True)
        gradient = vits.by_heads(gradient, len(images)).clamp(min=0).mean((1, 2))
        maps.append(gradient[:, vit.prefix :].unflatten(1, (4, 4)))
        scores.append(own)
    return torch.stack(maps, 1).detach(), torch.stack(scores, 1).detach()


def explained(name, model, images, target=2, **options):
    settings = {"upsample": False, "output": vits.VITS[name].output}
    return pyxai.explain(model, images, "legrad", target, **settings | options)


def assert_near(found, expected):
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


@pytest.mark.parametrize("pooling", ["mean", "model"])
@pytest.mark.parametrize("name", vits.forms())
def test_every_maker(name, pooling):
    model, images = vits.build(name), vits.images(3)
    maps, scores = gradient_maps(name, model, images, lambda s: s[:, 2], pooling)
    found = explained(name, model, images, pooling=pooling)
    assert_near(found.extras["block_maps"], maps)
    assert_near(found.extras["block_scores"], scores)
    assert_near(found.attribution[:, 0], maps.mean(1))


@pytest.mark.parametrize("name", vits.forms(name for name in vits.AT_HAND if vits.VITS[name].pooled))
def test_the_attention_of_a_pooler(name):
    model, images, vit = vits.build(name), vits.images(), vits.VITS[name]
    found = explained(name, model, images, pooling="attention")
    _, tokens = vits.eager(name, model, images)
    for number, z in enumerate(tokens):
        with torch.enable_grad(), vits.Eager() as seen:
            score = vit.head(model, z.detach().requires_grad_(True))[:, 2].sum()
        (attention,) = seen.attentions
        (gradient,) = torch.autograd.grad(score, attention)
        expected = vits.by_heads(gradient, 2).clamp(min=0).mean((1, 2)).unflatten(1, (4, 4))
        assert_near(found.extras["block_maps"][:, number], expected)


@pytest.mark.parametrize("pooling", ["mean", "model"])
@pytest.mark.parametrize(
    "name", vits.forms([name for name in vits.AT_HAND if "CLIP" in name or "clip" in name] + ["hand"])
)
def test_prompts(name, pooling):
    model, images = vits.build(name), vits.images()
    width = (
        model(images)[vits.VITS[name].output].shape[1] if vits.VITS[name].output else model(images).shape[1]
    )
    prompts = F.normalize(torch.randn(20, width, dtype=torch.float64), dim=1)
    target = torch.tensor([[0, 19, 3], [7, 7, 18]])
    found = explained(name, model, images, target, pooling=pooling, prompts=prompts)
    for column in range(3):
        chosen = prompts[target[:, column]]
        maps, scores = gradient_maps(
            name, model, images, lambda s, c=chosen: (F.normalize(s, dim=1) * c).sum(1), pooling
        )
        assert_near(found.attribution[:, column, 0], maps.mean(1))
        assert_near(found.extras["block_scores"][:, column], scores)
    best = explained(name, model, images, None, prompts=prompts)
    features = F.normalize(
        model(images) if vits.VITS[name].output is None else model(images).image_embeds, dim=1
    )
    assert torch.equal(best.target, (features @ prompts.T).argmax(1))
    assert torch.allclose(best.score, (features @ prompts.T).amax(1))


@pytest.mark.parametrize("name", ["hand", "hand, tokens first"])
def test_the_bare_product(name):
    model, images = vits.build(name), vits.images()
    prompts = torch.randn(3, vits.WIDTH, dtype=torch.float64)
    found = explained(name, model, images, 1, prompts=prompts, head="product")
    attentions, tokens = vits.eager(name, model, images)
    for number, (attention, z) in enumerate(zip(attentions, tokens, strict=True)):
        (gradient,) = torch.autograd.grad((z.mean(1) @ prompts[1]).sum(), attention, retain_graph=True)
        expected = vits.by_heads(gradient, 2).clamp(min=0).mean((1, 2))[:, 1:].unflatten(1, (4, 4))
        assert_near(found.extras["block_maps"][:, number], expected)
    assert torch.allclose(found.score, tokens[-1].mean(1).detach() @ prompts[1])


def test_last_blocks_and_the_authors_defaults():
    model, images = vits.build("hand"), vits.images()
    every = explained("hand", model, images)
    last = explained("hand", model, images, blocks=2)
    assert torch.equal(last.extras["block_maps"], every.extras["block_maps"][:, 1:])
    authors = explained("hand", model, images, variant="authors")
    low, high = last.attribution.amin((2, 3), keepdim=True), last.attribution.amax((2, 3), keepdim=True)
    assert torch.allclose(authors.attribution, (last.attribution - low) / (high - low))


def test_permuting_patches_permutes_the_map():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = vits.Hand(positions=False).double().eval()
    images, order = vits.images(), torch.randperm(16, generator=torch.Generator().manual_seed(2))
    patches = images.unfold(2, 8, 8).unfold(3, 8, 8).flatten(2, 3)[:, :, order].unflatten(2, (4, 4))
    moved = patches.permute(0, 1, 2, 4, 3, 5).reshape(images.shape)
    for pooling in ("mean", "model"):
        maps, of_moved = (
            explained("hand", model, part, pooling=pooling).attribution for part in (images, moved)
        )
        assert_near(of_moved.flatten(2), maps.flatten(2)[:, :, order])


def test_a_zero_head_gives_a_zero_map():
    model, images = vits.build("hand"), vits.images()
    model.head.weight.data.zero_()
    found = explained("hand", model, images)
    assert not found.attribution.any() and found.extras["zero_map"].all()


@pytest.mark.parametrize("pooling", ["mean", "model"])
@pytest.mark.parametrize(
    "name", ["hand", "hand, tokens first", *({"timm, mean of patches"} & set(vits.AT_HAND))]
)
def test_several_classes_go_back_together_and_none_changes_another(name, pooling, monkeypatch):
    model, images = vits.build(name), vits.images()
    classes = torch.tensor([[0, 2, 1], [4, 2, 3]])
    options = {"upsample": False, "output": vits.VITS[name].output, "pooling": pooling}
    explainer = pyxai.Explainer(model, "legrad", **options)
    alone = [explainer(images, classes[:, place]) for place in range(3)]
    for rows in (1, 4, 1024):  # one, two, and all at a time, where one token is scored
        monkeypatch.setattr(legrad, "_ROWS", rows)
        found = explainer(images, classes)
        for place, expected in enumerate(alone):
            assert_near(found.attribution[:, place], expected.attribution)
            assert_near(found.extras["block_scores"][:, place], expected.extras["block_scores"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"prompts": torch.rand(2, 7)},
            r"legrad: `prompts` must have shape \(P, 5\), as the model returns, got shape \(2, 7\)",
        ),
        (
            {"prompts": torch.rand(2, 5), "head": "product"},
            r"legrad: `prompts` must have shape \(P, 32\), as the tokens have, got shape \(2, 5\)",
        ),
        ({"head": "product"}, "legrad: `prompts` must be given for the head 'product', got None"),
        ({"blocks": 4}, "legrad: `blocks` must be at most 3, which the model has, got 4"),
        ({"blocks": 0}, "legrad: `blocks` must be 'all' or a positive whole number, got 0"),
        (
            {"pooling": "attention"},
            "legrad: `model` must pool its tokens by attention .*, got blocks of tokens alone",
        ),
        ({"prompts": [1.0]}, r"legrad: `prompts` must be a tensor \(P, d\), got \(1.0,\)"),
        (
            {"prompts": torch.rand(3)},
            r"legrad: `prompts` must be floating vectors \(P, d\), got \(3,\) of torch.float32",
        ),
    ],
)
def test_bad_options(options, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        explained("hand", vits.build("hand"), vits.images(), 1, **options)
    assert "\n" not in str(error.value)


def test_a_prompt_that_is_not_there():
    with pytest.raises(ValueError, match=r"legrad: `target` must be a class in \[0, 3\), got 4"):
        explained("hand", vits.build("hand"), vits.images(), 4, prompts=torch.rand(3, 5))
