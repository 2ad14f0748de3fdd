"""Fast, correct explanations of image classifiers.

    import pyxai

    explanation = pyxai.explain(model, images, method="integrated_gradients")
    explanation.attribution, explanation.residual
"""

from pyxai.attribution import Explainer, Explanation, explain, methods

__version__ = "0.1.0"
__all__ = ["Explainer", "Explanation", "__version__", "explain", "methods"]
