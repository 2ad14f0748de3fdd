"""Models saved by `torch.export.save`."""

import io
import zipfile

import pytest
import torch

from pyxai.engine import InputError
from pyxai.engine.models.load import load_model
from tests.engine import tiny
from tests.engine.conftest import Payload


def exported(path) -> None:
    example = (torch.zeros(2, 3, 12, 12),)
    batch = {"input": {0: torch.export.Dim.DYNAMIC}}
    torch.export.save(torch.export.export(tiny.net(), example, dynamic_shapes=batch), path)


def test_exported_models(tmp_path):
    exported(tmp_path / "net.pt2")
    loaded = load_model(str(tmp_path / "net.pt2"))
    images = torch.rand(5, 3, 12, 12)
    torch.testing.assert_close(loaded.model(images), tiny.net()(images))


def test_exported_models_with_pickles_inside_are_refused(tmp_path, capsys):
    exported(tmp_path / "net.pt2")
    hostile = io.BytesIO()
    torch.save((Payload(),), hostile)
    with (
        zipfile.ZipFile(tmp_path / "net.pt2") as source,
        zipfile.ZipFile(tmp_path / "bad.pt2", "w") as target,
    ):
        for name in source.namelist():
            inputs = name.endswith("sample_inputs/model.pt")
            target.writestr(name, hostile.getvalue() if inputs else source.read(name))
        assert any(name.endswith("sample_inputs/model.pt") for name in source.namelist())
    with pytest.raises(InputError, match="is refused: it holds a pickle"):
        load_model(str(tmp_path / "bad.pt2"))
    (tmp_path / "cut.pt2").write_bytes((tmp_path / "net.pt2").read_bytes()[:500])
    with pytest.raises(InputError, match="cannot read the exported model"):
        load_model(str(tmp_path / "cut.pt2"))
    assert "ran code" not in capsys.readouterr().out


def test_exported_models_bring_their_own_weights(tmp_path):
    with pytest.raises(InputError, match="an exported model brings its own weights"):
        load_model(f"{tmp_path / 'net.pt2'}?weights=other.npz")
