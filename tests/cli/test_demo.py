"""``pyxai demo``."""

from pathlib import Path

from pyxai.engine import InputError


def test_the_folder_is_handed_on_and_a_refusal_is_one_line(pyxai, monkeypatch):
    heard = []
    monkeypatch.setattr("pyxai.demo.run", heard.append)
    assert pyxai("demo", "--out", "somewhere") == (0, "", "")
    assert pyxai("demo")[0] == 0
    assert heard == [Path("somewhere"), Path("pyxai-demo")]

    def refuse(out):
        raise InputError("the demonstration takes its images from scikit-learn")

    monkeypatch.setattr("pyxai.demo.run", refuse)
    code, _, err = pyxai("demo")
    assert (code, err) == (2, "pyxai: the demonstration takes its images from scikit-learn\n")
