"""The experiment on visualizations in small: it goes on where it was, and states what its cells come to."""

import dataclasses

import pytest
import torch

from benchmarks import harness
from benchmarks import visualization_protocol as protocol
from benchmarks.visualization_series import FACTORS, SERIES, VALUES, Study
from pyxai import Preprocess
from tests.visualization import two_objects

LAYER = "8"
NETWORK = protocol.Network(
    "textures",
    lambda: (two_objects.trained(), Preprocess(mean=(0.0,) * 3)),
    lambda count: (
        two_objects.pictures(torch.arange(count)[:, None] % two_objects.CLASSES, seed=9)[0],
        None,
    ),
    lambda: ("across", "down", "board", "rings"),
    (LAYER,),
    count=2,
    seeds=2,
    steps=2,
)


@pytest.fixture
def study():
    images, preprocess = NETWORK.images(2)[0], NETWORK.load()[1]
    target = torch.tensor([0, 1])
    shown = torch.rand(2, 32, 12, 12, generator=torch.Generator().manual_seed(0))
    return Study(two_objects.trained(), preprocess, images, LAYER, target, shown)


def test_what_is_measured_of_pictures_that_are_the_images(study):
    """Values of an image correlate with themselves, and lead to the class that the image has."""
    found = study.measured(protocol.Shown(study.images[:, None], study.values))
    torch.testing.assert_close(found.correlation, torch.ones(2, dtype=torch.float64))
    assert (found.with_attributions.abs() < 0.5).all()
    with torch.no_grad():
        right = two_objects.trained()(study.images).argmax(1) == study.target
    assert torch.equal(found.consistency, right.double())
    twice = study.measured(protocol.Shown(study.images[:, None].repeat(1, 2, 1, 1, 1), study.values))
    torch.testing.assert_close(twice.correlation, found.correlation)


@pytest.mark.parametrize("series", SERIES)
def test_every_series_makes_pictures(study, series):
    found = study.shown(series, steps=1, seed=0, groups=2)
    assert found.pictures.shape == (2, 2 if series == FACTORS else 1, 3, 48, 48)
    assert found.pictures.min() >= 0 and found.pictures.max() <= 1
    assert found.weights.shape == study.values.shape
    made_for_values = series in (VALUES, FACTORS)
    assert torch.equal(found.weights, study.values) == made_for_values


def test_a_killed_run_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(protocol, "SERIES", dict(list(SERIES.items())[3:5]))
    monkeypatch.setattr(protocol, "Attribution", lambda: protocol_attribution)
    made, cell = [], protocol.Protocol._cell

    def dies(self, *of):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(of[1:])
        return cell(self, *of)

    monkeypatch.setattr(protocol.Protocol, "_cell", dies)
    with pytest.raises(KeyboardInterrupt):
        protocol.Protocol("small", NETWORK, tmp_path).run()
    results = harness.Results(protocol.SUBJECT, {})
    protocol.Protocol("small", NETWORK, tmp_path).state(results)
    assert "not all of its cells are done" in capsys.readouterr().out
    monkeypatch.setattr(protocol.Protocol, "_cell", cell)
    again = protocol.Protocol("small", NETWORK, tmp_path)
    again.run()
    assert capsys.readouterr().out.count(", seed ") == 1  # the one that was missing
    again.state(results := harness.Results(protocol.SUBJECT, {}))
    stated = [fact.what for fact in results.facts]
    assert len(stated) == len(set(stated)) == 2 + 2 * 3 * len(protocol.MEASURES)
    assert len(list(tmp_path.rglob("*.png"))) == 4
    other = dataclasses.replace(NETWORK, steps=3)
    with pytest.raises(SystemExit, match="other settings: steps"):
        protocol.Protocol("small", other, tmp_path)


protocol_attribution = protocol.Attribution(steps=4, effort=0.002)
