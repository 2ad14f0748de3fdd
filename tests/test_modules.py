"""Modules that the user names."""

import sys

import pytest

from pyxai.modules import import_named, need


@pytest.fixture(autouse=True)
def _paths(monkeypatch):
    """What is searched is as it was before."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_by_its_dotted_name_also_in_the_working_folder(tmp_path, monkeypatch):
    import json.decoder

    assert import_named("json.decoder") is json.decoder
    monkeypatch.chdir(tmp_path)
    (tmp_path / "of_this_folder_alone.py").write_text("answer = 42")
    assert import_named("of_this_folder_alone").answer == 42


def test_by_the_path_of_its_file_with_what_lies_beside_it(tmp_path):
    (tmp_path / "beside_the_file.py").write_text("answer = 42")
    (tmp_path / "file.py").write_text("from beside_the_file import answer\n__all__ = ['answer']")
    module = import_named(str(tmp_path / "file.py"))
    assert module.answer == 42
    assert sys.modules[module.__name__] is module  # so that what it defines can be pickled


def test_a_file_that_changed_is_read_again(tmp_path):
    for answer in (1, 2):
        (tmp_path / "file.py").write_text(f"answer = {answer}" + " " * answer)
        assert import_named(str(tmp_path / "file.py")).answer == answer


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^no such file: gone\.py$"):
        import_named("gone.py")
    with pytest.raises(ImportError, match="no_such_module_at_all"):
        import_named("no_such_module_at_all")
    (tmp_path / "wrong.py").write_text("def (")
    with pytest.raises(SyntaxError):
        import_named(str(tmp_path / "wrong.py"))


def test_a_package_that_is_needed(tmp_path, monkeypatch):
    import json.decoder

    assert need("json.decoder", "this") is json.decoder
    with pytest.raises(ImportError, match=r"^this needs not_there: pip install not_there$"):
        need("not_there.inside", "this")
    with pytest.raises(ImportError, match=r"^this needs Other-Name: pip install Other-Name$"):
        need("not_there", "this", "Other-Name")
    sys.path.insert(0, str(tmp_path))
    (tmp_path / "of_another_build.py").write_text("raise RuntimeError('operator nms\\ndoes not exist')")
    wanted = "^this: of_another_build is installed but cannot be imported: operator nms does not exist$"
    with pytest.raises(ImportError, match=wanted):
        need("of_another_build", "this")
