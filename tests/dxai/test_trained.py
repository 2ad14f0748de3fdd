"""The networks of a finished training, read from its folder."""

import os

import pytest
import torch

from pyxai.dxai import Training, trained_networks
from pyxai.dxai.training import CHECKPOINT
from tests.dxai.conftest import labelled_images, small_recipe

CPU = torch.device("cpu")


def test_the_averaged_networks_come_back_once(tmp_path):
    training = Training(small_recipe(), labelled_images(), None, tmp_path)
    training.save()
    recipe, networks = trained_networks(str(tmp_path), CPU)
    assert recipe == small_recipe()
    assert not networks.training and not any(p.requires_grad for p in networks.parameters())
    wanted = training.step.average.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in networks.state_dict().items())
    assert trained_networks(str(tmp_path), CPU)[1] is networks
    os.utime(tmp_path / CHECKPOINT, ns=(1, 1))  # another file is read anew
    assert trained_networks(str(tmp_path), CPU)[1] is not networks


def test_a_folder_without_a_training(tmp_path):
    with pytest.raises(ValueError, match=r"^no checkpoint.pt in"):
        trained_networks(str(tmp_path), CPU)
