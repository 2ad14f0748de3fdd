"""What a method asks of a model is ordered."""

from pyxai.capture.needs import Needs


def test_each_has_what_comes_before():
    assert Needs.NOTHING < Needs.SCORES < Needs.GRADIENTS < Needs.GRAPH
    assert [str(needs) for needs in Needs] == ["nothing", "scores", "gradients", "graph"]
