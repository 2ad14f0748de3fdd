"""What wrapping methods declare."""

from pyxai.methods import Needs, get_method
from pyxai.methods.table import build


def test_a_method_declares_what_the_wrapped_one_does():
    assert get_method("smoothgrad").needs is Needs.GRADIENTS
    assert build("smoothgrad", {"of": "lrp"}).needs is Needs.GRAPH
    assert get_method("attribution_visualization").needs is Needs.GRADIENTS
    assert build("attribution_visualization", {"attribution": "layer_lrp"}).needs is Needs.GRAPH
    assert build("attribution_visualization", {"attribution": "layer_activation"}).needs is Needs.GRADIENTS
