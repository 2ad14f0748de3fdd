"""The experiment on masks in small: it states both quantities at every price, and goes on where it was."""

import pytest
import torch

from benchmarks import harness
from benchmarks import visualization_masks as study
from tests import zoo


def few():
    return study.textures(count=1, steps=2)


@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data())
def test_a_second_run_only_states(tmp_path, monkeypatch):
    arguments = ["--cells", str(tmp_path / "cells"), "--out", str(tmp_path)]
    assert study.main(arguments, (few,)) == 0
    first = harness.read_json(tmp_path / f"{study.SUBJECT}.json")
    assert len(first.facts) == 4 * len(study.SCALES)
    assert [fact.wanted for fact in first.facts if fact.wanted] == [">= 2", "<= 0.05"]

    def made_again(*arguments):
        raise AssertionError("a cell that was there")

    monkeypatch.setattr(study, "masks", made_again)
    assert study.main(arguments, (few,)) == 0
    assert harness.read_json(tmp_path / f"{study.SUBJECT}.json").facts == first.facts


def test_a_mask_that_is_everywhere_has_the_mass_of_chance(monkeypatch):
    about = few()
    mask = torch.ones(1, 2, *about.images.shape[2:], dtype=torch.float64)
    extras = {"mask": mask, "kept": torch.ones(1, 2), "area": torch.full((1, 2), 0.75)}
    monkeypatch.setattr(study.pyxai, "explain", lambda **options: type("Found", (), {"extras": extras}))
    found = study.masks(about, 4)
    assert found == {"times": pytest.approx([1.0, 1.0]), "off": [0.25, 0.25]}


@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data())
def test_collages_are_of_classes_that_the_network_knows():
    about = study.tiles(count=2)
    assert about.images.shape == (2, 3, 64, 64) and about.where.double().mean((2, 3)).eq(0.25).all()
    with torch.no_grad():
        for row in range(2):
            for k, label in enumerate(about.classes[row]):
                tile = about.images[row][:, about.where[row, k]].reshape(3, 32, 32)
                assert about.run["model"](tile[None]).argmax() == label
