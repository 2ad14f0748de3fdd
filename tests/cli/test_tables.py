"""Tables on the terminal."""

from pyxai.cli.tables import print_table


def test_cells_stand_under_their_headings_and_are_not_cut_where_there_is_no_terminal(capsys):
    print_table(["first", "second"], [["a", "x" * 100], ["[bold]b", "two\nlines"]])
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert all(line and line == line.rstrip() for line in (head, *lines)) and len(lines) == 3
    start = head.index("second")
    assert lines[0][start:].strip() == "x" * 100
    assert [line[start:].strip() for line in lines[1:]] == ["two", "lines"]
    assert "[bold]b" in lines[1]
