"""DeepLIFT through a graph of a few calls: what comes back, and what it should add up to."""

from pyxai.propagation.deeplift.multiplication import Multiplication
from pyxai.propagation.deeplift.multipliers import Multipliers, PairedTape
from pyxai.propagation.walk import Walk
from tests.graphs import Written, pixels

SHAPE = (3, 4, 6, 6)
X, X0 = pixels(*SHAPE), pixels(*SHAPE, seed=2)


class Pair:
    """The graph that ``make`` writes, at images and baselines."""

    def __init__(self, make, rule="rescale", images=X, baseline=X0):
        net = Written(images)
        module = net.module(make(net, net.images))
        self.multiplication = Multiplication(module, rule)
        self.walk = Walk(module, self.multiplication, False)
        self.images, self.baseline = images, baseline
        self.tape = PairedTape(self.walk.forward(images), self.walk.forward(baseline))
        self.change = self.tape.difference(self.walk.end)
        self.weights = pixels(*self.change.shape, seed=9)

    @property
    def rule(self):
        """That of the last step."""
        return self.walk.rules[self.walk.steps[self.walk.end]]

    def multipliers(self, mean=None, spread=None):
        """The message that reaches the images."""
        message = Multipliers(self.weights if mean is None else mean, spread)
        return self.walk.backward(self.tape, message, again=True)

    def completeness_error(self):
        """How far what the pixels account for is from the weighted change, by the size of the terms."""
        mean, spread = self.multipliers()
        difference = self.images - self.baseline
        given = mean * difference
        if spread is not None:
            given = given + spread * difference.abs()
        expected = (self.weights * self.change).flatten(1).sum(1)
        return float((given.flatten(1).sum(1) - expected).abs().max() / given.abs().sum())
