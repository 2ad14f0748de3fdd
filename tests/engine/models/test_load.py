"""Model specifications."""

import builtins
import importlib.util
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pyxai.engine import InputError, Preprocess
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import weights_hash
from tests.engine import tiny
from tests.engine.conftest import TINY


def test_callables_by_file_and_by_module():
    by_file = load_model(f"{TINY}:prepared_net")
    by_module = load_model("tests.engine.tiny:prepared_net")
    assert by_file.preprocess == by_module.preprocess == tiny.prepared_net()[1]
    assert weights_hash(by_file.model) == weights_hash(by_module.model) == weights_hash(tiny.net())
    assert load_model(f"{TINY}:net").preprocess == Preprocess()


def test_the_hash_sees_every_bit():
    model = tiny.net()
    before = weights_hash(model)
    with torch.no_grad():
        model[0].bias[0] = torch.nextafter(model[0].bias[0], torch.tensor(9.0))
    assert weights_hash(model) != before


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("resnet", "is none of timm:NAME"),
        ("nowhere.py:net", "no such file"),
        ("no_such_module_at_all:net", "cannot import no_such_module_at_all"),
        (f"{TINY}:nothing", "has no 'nothing'"),
        (f"{TINY}:not_a_model", "must be a callable or a module, got int"),
        (f"{TINY}:broken", "raised OSError: the weights are gone"),
        (f"{TINY}:picture_of_a_model", "has no"),
        ("model.pt", "pickled model runs code when it is loaded"),
        ("missing.pt2", "no such file"),
        (f"{TINY}:net?pretrained=1", r"only weights=… is understood"),
        (f"{TINY}:net?weights=missing.npz", "no such weights file"),
        (f"{TINY}:net?weights=DEFAULT", "no such weights file"),
    ],
)
def test_specs_that_lead_nowhere(spec, message):
    with pytest.raises(InputError, match=message):
        load_model(spec)


@pytest.mark.parametrize(
    ("spec", "package"),
    [("timm:resnet18", "timm"), ("torchvision:resnet18", "torchvision"), ("hf:x/y", "transformers")],
)
def test_a_missing_package_is_one_sentence(monkeypatch, spec, package):
    real_import, real_find = builtins.__import__, importlib.util.find_spec

    def no_module(name, *rest, **options):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real_import(name, *rest, **options)

    monkeypatch.setattr(importlib, "import_module", no_module)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else real_find(name)
    )
    with pytest.raises(InputError, match=f"needs {package}: pip install {package}$"):
        load_model(spec)


@pytest.mark.parametrize("ending", ["pt", "npz", "safetensors"])
def test_weights_from_a_file(tmp_path, ending):
    state = tiny.other_net().state_dict()
    path = tmp_path / f"weights.{ending}"
    if ending == "pt":
        torch.save({"state_dict": state}, path)
    elif ending == "npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items()})
    else:
        save_file(state, path)
    loaded = load_model(f"{TINY}:net?weights={path}")
    assert weights_hash(loaded.model) == weights_hash(tiny.other_net())


class Payload:
    """What a hostile pickle would hold."""

    def __reduce__(self):
        return (print, ("the pickle ran code",))


def test_weights_with_code_in_them_are_refused(tmp_path, capsys):
    torch.save({"0.weight": Payload()}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="cannot load the weights"):
        load_model(f"{TINY}:net?weights={tmp_path / 'weights.pt'}")
    assert "ran code" not in capsys.readouterr().out


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
    import io
    import zipfile

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


def test_timm_brings_its_preprocessing():
    pytest.importorskip("timm")
    loaded = load_model("timm:resnet10t?weights=none")
    again = load_model("timm:resnet10t?weights=none")
    assert not loaded.model.training
    assert weights_hash(loaded.model) == weights_hash(again.model)
    assert loaded.preprocess == Preprocess(  # resize is 176 / 0.875, rounded down as timm does
        resize=201, crop=176, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bicubic"
    )
    with pytest.raises(InputError, match="not available"):
        load_model("timm:no_such_net?weights=none")


def test_torchvision_brings_its_preprocessing():
    pytest.importorskip("torchvision")
    loaded = load_model("torchvision:resnet18?weights=none")
    assert not loaded.model.training
    assert loaded.preprocess == Preprocess(
        resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bilinear"
    )
    for spec in ("torchvision:no_such_net", "torchvision:resnet18?weights=NO_SUCH"):
        with pytest.raises(InputError, match="not available"):
            load_model(spec)


def test_transformers_from_a_local_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_labels=3)
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"has no preprocessor_config\.json"):
        load_model(f"hf:{tmp_path}")
    processor = {
        "size": {"shortest_edge": 40},
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.2, 0.2, 0.2],
        "resample": 3,
        "image_processor_type": "ViTImageProcessor",
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    loaded = load_model(f"hf:{tmp_path}")
    assert not loaded.model.training
    assert loaded.preprocess == Preprocess(
        resize=40, crop=32, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), interpolation="bicubic"
    )
    assert loaded.model(torch.rand(2, 3, 32, 32)).logits.shape == (2, 3)
