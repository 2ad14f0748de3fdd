"""Models saved by `torch.export.save`: a graph and tensors are read, and code is refused."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from pyxai.engine import InputError
from pyxai.engine.models.load import load_model
from tests import zoo
from tests.engine import tiny
from tests.engine.conftest import Payload


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    batch = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(
        torch.export.export(tiny.net(), (torch.zeros(2, 3, 12, 12),), dynamic_shapes=batch), path
    )
    return path


def rewritten(
    source: Path, target: Path, change: Callable[[str, bytes], bytes | None], **more: bytes
) -> Path:
    """A copy whose members are what ``change`` makes of them, with further ones."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
        for name, content in more.items():
            new.writestr(f"net/{name}", content)
    return target


def test_exported_models(saved):
    loaded = load_model(str(saved))
    images = torch.rand(5, 3, 12, 12)
    torch.testing.assert_close(loaded.model(images), tiny.net()(images), rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.NAMES)
def test_every_network_of_the_zoo_is_let_through(tmp_path, name):
    model = zoo.build(name, small=True).eval()
    size = zoo.ZOO[name].small
    shapes = ({0: torch.export.Dim.AUTO},)  # free, but for the transformer
    program = torch.export.export(model, (torch.zeros(2, 3, size, size),), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "net.pt2")
    images = torch.rand(2, 3, size, size)
    torch.testing.assert_close(load_model(str(tmp_path / "net.pt2")).model(images), model(images))


class Shapes(nn.Module):
    """Sizes in expressions, a condition on the batch, a subgraph, a dictionary."""

    def forward(self, x):
        count = x.shape[0]
        y = x.reshape(count // 2 * 2, -1) if count % 2 == 0 else x
        with torch.no_grad():
            mean = y.mean()
        return {"logits": torch.einsum("ij->ij", y) * (count * 3 + 1) / max(count, 4) + mean}


def test_expressions_conditions_and_subgraphs(tmp_path):
    shapes = ({0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO},)
    program = torch.export.export(Shapes(), (torch.zeros(4, 3, 8, 8),), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "a.pt2")
    model = load_model(str(tmp_path / "a.pt2")).model
    images = torch.rand(6, 3, 9, 8)
    torch.testing.assert_close(model(images)["logits"], Shapes()(images)["logits"])
    with pytest.raises(AssertionError, match="Guard failed"):
        model(torch.rand(5, 3, 9, 8))


def test_exported_models_with_pickles_inside_are_refused(saved, tmp_path, capsys):
    hostile = io.BytesIO()
    torch.save((Payload(),), hostile)

    def inputs(name, content):
        return hostile.getvalue() if name.endswith("sample_inputs/model.pt") else content

    def flagged(name, content):
        return (
            content.replace(b'"use_pickle": false', b'"use_pickle": true')
            if "weights_config" in name
            else content
        )

    def elsewhere(name, content):
        return content.replace(b'"weight_0"', b'"custom_obj_0/x"') if "weights_config" in name else content

    for change in (inputs, flagged):
        bad = rewritten(saved, tmp_path / "bad.pt2", change)
        with pytest.raises(InputError, match="is refused: it holds a pickle"):
            load_model(str(bad))
    with pytest.raises(InputError, match="is refused: it holds a tensor in no file of its own"):
        load_model(str(rewritten(saved, tmp_path / "bad.pt2", elsewhere)))
    for member in (
        "data/constants/custom_obj_0",
        "data/weights/model.pt",
        "data/aotinductor/model/a.so",
        "code.py",
    ):
        bad = rewritten(
            saved, tmp_path / "bad.pt2", lambda name, content: content, **{member: hostile.getvalue()}
        )
        with pytest.raises(InputError, match=r"is refused: it holds (a pickle|a member that is no part)"):
            load_model(str(bad))
    assert "ran code" not in capsys.readouterr().out


def strings(value, place=()):
    """Place and text of every text of a JSON value, keys too."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield (*place, ("key", key)), key
            yield from strings(entry, (*place, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from strings(entry, (*place, index))
    elif isinstance(value, str):
        yield place, value


def replaced(value, place, text):
    """``value`` with ``text`` at ``place``."""
    head, *rest = place
    if isinstance(head, tuple):
        return {text if key == head[1] else key: entry for key, entry in value.items()}
    changed = list(value) if isinstance(value, list) else dict(value)
    changed[head] = replaced(value[head], rest, text) if rest else text
    return changed


@pytest.mark.parametrize("forms", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_code_in_place_of_any_text_of_the_program_does_not_run(saved, tmp_path, forms):
    """Of each kind of text, which its keys tell, one is replaced by code, alone and around what it was."""
    mark = tmp_path / "mark"
    code = f"__import__('pathlib').Path('{mark}').touch()"
    with zipfile.ZipFile(saved) as archive:
        program = json.loads(archive.read("net/models/model.json"))
    program["guards_code"] = ["1 == 1"]
    kinds = {}
    for place, text in strings(program):
        keys = str([part for part in place if isinstance(part, str | tuple)])
        kinds.setdefault(re.sub(r"[\d_]+", "", keys), (place, text))
    assert len(kinds) > 100
    for number, (place, text) in enumerate(kinds.values()):
        kept = (("key", "metadata"), "nn_module_stack")
        described = "metadata" in place and place[-1] not in kept  # is dropped
        written = (code, f"({code}, {text})[1]", f"{text}={code}", f"{text}\n{code}")
        for form in (*written, *written)[number % 4 : number % 4 + forms]:
            hostile = json.dumps(replaced(program, place, form)).encode()
            bad = rewritten(
                saved,
                tmp_path / "bad.pt2",
                lambda name, old, new=hostile: new if "model.json" in name else old,
            )
            if described:
                load_model(str(bad)).model(torch.rand(2, 3, 12, 12))
            else:
                with pytest.raises(InputError, match=r"is refused|cannot read"):
                    load_model(str(bad))
            assert not mark.exists(), place


def test_operators_that_are_none_are_refused(saved, tmp_path):
    def change(name, content):
        return (
            content.replace(b"torch.ops.aten.relu.default", b"torch.os.system")
            if "model.json" in name
            else content
        )

    with pytest.raises(InputError, match=r"is refused: it holds target 'torch\.os\.system'"):
        load_model(str(rewritten(saved, tmp_path / "bad.pt2", change)))


def test_archives_that_torch_and_python_would_read_differently(saved, tmp_path):
    """torch is given what was looked at, whatever else lies in the file."""
    bad = tmp_path / "bad.pt2"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="a compressed member"):
        load_model(str(bad))
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("net/models/model.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("net/models/model.json", b"{}")
    with pytest.raises(InputError, match="two members of one name"):
        load_model(str(bad))
    both = tmp_path / "both.pt2"
    both.write_bytes(b"#!/bin/sh\n" + saved.read_bytes())
    images = torch.rand(2, 3, 12, 12)
    torch.testing.assert_close(load_model(str(both)).model(images), tiny.net()(images))


def test_what_does_not_fit_says_how_and_prints_nothing(saved, tmp_path, capfd):
    def change(name, content):
        return content.replace(b'"as_int": 27', b'"as_int": 9999') if "weights_config" in name else content

    with pytest.raises(
        InputError, match=r"cannot read the exported model .*out of bounds for storage of size 864"
    ):
        load_model(str(rewritten(saved, tmp_path / "bad.pt2", change)))
    assert capfd.readouterr().err == ""


def test_damaged_files_are_one_line(saved, tmp_path):
    whole = saved.read_bytes()
    for length in (0, 500, len(whole) - 100):
        (tmp_path / "cut.pt2").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cannot read the exported model|is refused"):
            load_model(str(tmp_path / "cut.pt2"))
    for content in (b"", b"[]", b"3", b'"x"', b"{}", b"\xff"):
        bad = rewritten(
            saved, tmp_path / "bad.pt2", lambda name, old, new=content: new if name.endswith(".json") else old
        )
        with pytest.raises(InputError, match=r"cannot read the exported model|is refused"):
            load_model(str(bad))


def test_exported_models_bring_their_own_weights(tmp_path):
    with pytest.raises(InputError, match="an exported model brings its own weights"):
        load_model(f"{tmp_path / 'net.pt2'}?weights=other.npz")
