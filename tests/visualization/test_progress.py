"""Who listens, and for how long."""

from pyxai.visualization.progress import tell, told


def test_the_innermost_listener_is_told_while_it_listens():
    heard, inner = [], []
    tell(1, 4)
    with told(lambda made, steps: heard.append((made, steps))):
        tell(2, 4)
        with told(lambda made, steps: inner.append(made)):
            tell(3, 4)
    tell(4, 4)
    assert heard == [(2, 4)] and inner == [3]
