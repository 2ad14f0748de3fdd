"""The method `dxai`: parts that sum to the image, in the model's units, from a training's folder."""

import pytest
import torch

import pyxai
from pyxai.cli.dxai_train import train
from pyxai.cli.explain import explain
from pyxai.engine import InputError
from pyxai.engine.models.load import load_model
from tests.dxai.conftest import MODEL, SMALL, folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of two short trainings: of the discriminator, and of a model with its own preprocessing."""
    root = tmp_path_factory.mktemp("runs")
    data = folder(root / "data")
    (root / "model.py").write_text(MODEL)
    own = root / "discriminator", f"dxai:{root / 'discriminator'}"
    given = root / "given", f"{root / 'model.py'}:two"
    train(data, own[0], **SMALL)
    train(data, given[0], given[1], **SMALL)
    return {"own": own, "given": given}


@pytest.mark.parametrize("which", ["own", "given"])
def test_parts_sum_to_the_image(runs, which):
    run, spec = runs[which]
    loaded = load_model(spec)
    images = loaded.preprocess.normalise(torch.rand(5, 3, 32, 32))
    found = pyxai.explain(loaded.model, images, "dxai", run=str(run), rows=4)
    parts = torch.stack([found.attribution, found.extras["agnostic"], found.extras["missing"]])
    # Untrained branches reach several times the images' range, and rounding with them.
    assert (parts.sum(0) - images).abs().max() <= 1e-6 * max(1, parts.abs().max())
    assert torch.equal(found.target, loaded.model(images).argmax(1))
    span = loaded.preprocess.white[0] - loaded.preprocess.black[0]
    error = found.extras["missing"].square().mean((1, 2, 3))
    torch.testing.assert_close(found.extras["psnr"], 10 * torch.log10(span**2 / error), rtol=1e-4, atol=1e-3)
    assert found.residual is None


def test_an_image_does_not_depend_on_its_mates(runs):
    run, spec = runs["own"]
    model, images = load_model(spec).model, torch.rand(5, 3, 32, 32) * 2 - 1
    explainer = pyxai.Explainer(model, "dxai", run=str(run), rows=4)
    together = explainer(images, torch.tensor([0, 1, 1, 0, 1]))
    alone = explainer(images[3:4], 0)
    assert torch.equal(alone.attribution[0], together.attribution[3])
    both = explainer(images, torch.tensor([[0, 1]]).expand(5, 2))
    assert torch.equal(both.attribution[3, 0], together.attribution[3])
    assert not torch.equal(both.attribution[3, 0], both.attribution[3, 1])
    other = pyxai.explain(model, images, "dxai", run=str(run), seed=1, rows=4)
    assert not torch.equal(other.attribution, explainer(images).attribution)


def test_requests_that_cannot_work(runs, tmp_path):
    run, spec = runs["own"]
    model, images = load_model(spec).model, torch.rand(2, 3, 32, 32)
    with pytest.raises(ValueError, match="dxai: `run` must be the folder of a training, got ''"):
        pyxai.explain(model, images, "dxai")
    with pytest.raises(ValueError, match=r"dxai: no checkpoint.pt in"):
        pyxai.explain(model, images, "dxai", run=str(tmp_path))
    any_size = load_model(runs["given"][1]).model
    with pytest.raises(ValueError, match=r"dxai: `images` must have shape \(N, 3, 32, 32\), as"):
        pyxai.explain(any_size, torch.rand(2, 3, 64, 64), "dxai", run=str(run))
    three = torch.nn.Sequential(torch.nn.AvgPool2d(32), torch.nn.Flatten(), torch.nn.Linear(3, 3)).eval()
    with pytest.raises(ValueError, match="dxai: `model` must have the 2 classes"):
        pyxai.explain(three, images, "dxai", run=str(run))
    with pytest.raises(InputError, match=r"was trained for the model .*:two: give that"):
        load_model(f"dxai:{runs['given'][0]}")


def test_all_parts_are_stored(runs, tmp_path):
    """`pyxai explain` keeps what the image is the sum of, unless told to keep heat maps only."""
    run, spec = runs["own"]
    data = folder(tmp_path / "data")
    options = {"method": "dxai", "set_": [f"run={run}"], "device": "cpu", "quiet": True}
    options |= {"target": "predicted", "batch_size": None, "rows": None, "shard": (0, 1), "workers": 0}
    assert explain(model=spec, data=data, out=tmp_path / "all.zarr", **options) == 0
    found = pyxai.open(tmp_path / "all.zarr")[:]
    images = torch.stack([torch.from_numpy(pyxai.open(tmp_path / "all.zarr").image(row)) for row in range(8)])
    parts = torch.stack([found.attribution, found.extras["agnostic"], found.extras["missing"]])
    wanted = images.permute(0, 3, 1, 2) / 127.5 - 1
    assert (parts.sum(0) - wanted).abs().max() <= 1e-6 * max(1, parts.abs().max())
    assert found.extras["psnr"].shape == (8,)
    explain(model=spec, data=data, out=tmp_path / "maps.zarr", keep="heatmap", **options)
    assert pyxai.open(tmp_path / "maps.zarr")[:].extras.keys() == {"psnr"}
