"""Lines on standard error."""

import pytest

from pyxai.cli.messages import say, speaks


def test_a_message_is_one_printable_line(capsys):
    say("of two\nlines\x1b[2J and more")
    assert capsys.readouterr() == ("", "pyxai: of two lines\\x1b[2J and more\n")


@pytest.mark.parametrize(("rank", "wanted"), [(None, True), ("0", True), ("3", False)])
def test_of_several_processes_the_first_speaks(monkeypatch, rank, wanted):
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    assert speaks() == wanted
