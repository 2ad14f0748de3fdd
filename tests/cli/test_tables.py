"""Tables on the terminal."""

from pyxai.cli.tables import print_table


def test_cells_stand_under_their_headings_and_are_not_cut_where_there_is_no_terminal(capsys):
    print_table(["first", "second"], [["a", "x" * 100], ["[bold]b", "two\nlines"]])
    head, _, *lines = (line for line in capsys.readouterr().out.splitlines() if line.strip())
    start = head.index("second")
    assert lines[0][start:].strip() == "x" * 100
    assert [line[start:].strip() for line in lines[1:]] == ["two", "lines"]
    assert "[bold]b" in lines[1]
