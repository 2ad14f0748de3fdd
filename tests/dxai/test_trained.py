"""What a training has made: its networks, read once, and what they took."""

import json
import shutil

import pytest
import torch

from pyxai.dxai.trained import history, trained_networks
from pyxai.dxai.training import Training
from tests.dxai.conftest import labelled_images, small_recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder of two steps, with a report after each."""
    out = tmp_path_factory.mktemp("trained")
    list(Training(small_recipe(), labelled_images(), None, out).run(2, report_every=1))
    return out


def test_the_averaged_networks_are_read_once_until_they_change(run, tmp_path):
    shutil.copy(run / "checkpoint.pt", tmp_path)
    recipe, networks = trained_networks(str(tmp_path), torch.device("cpu"))
    assert recipe == small_recipe()
    average = torch.load(run / "checkpoint.pt", weights_only=True)["average"]
    assert all(torch.equal(value, average[name]) for name, value in networks.state_dict().items())
    assert not networks.training and not any(weight.requires_grad for weight in networks.parameters())
    assert trained_networks(str(tmp_path), torch.device("cpu"))[1] is networks
    training = Training(small_recipe(), labelled_images(), None, tmp_path, resume=True)
    list(training.run(3))
    assert trained_networks(str(tmp_path), torch.device("cpu"))[1] is not networks


def test_the_history_of_a_run(run, tmp_path):
    took = history(run)
    seconds = float((run / "log.csv").read_text().splitlines()[-1].split(",")[1])
    assert took == {"iterations": 2, "training_minutes": seconds / 60, "classifier_minutes": 0}


def test_the_history_of_a_run_that_was_cut_short(run, tmp_path):
    """No report yet, or a last one of which a kill left half; a classifier was trained before."""
    shutil.copy(run / "checkpoint.pt", tmp_path)
    assert history(tmp_path) == {"iterations": 2, "training_minutes": 0, "classifier_minutes": 0}
    (tmp_path / "log.csv").write_text("iteration,seconds,real\n1,6,0.5\n2,")
    assert history(tmp_path)["training_minutes"] == 0.1
    (tmp_path / "classifier.json").write_text(json.dumps({"seconds": 30}))
    assert history(tmp_path)["classifier_minutes"] == 0.5


def test_a_folder_without_a_training(tmp_path):
    with pytest.raises(ValueError, match=r"^no checkpoint.pt in"):
        trained_networks(str(tmp_path), torch.device("cpu"))
