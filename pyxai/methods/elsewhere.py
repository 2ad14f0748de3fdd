"""What other libraries call methods and options: answered with ours in an error, never taken silently.

The same word can mean another default or another unit there, so whoever uses it is told what to look up here.
Words are compared without case, spaces, hyphens and underscores; "+" is "plus".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from pyxai.checks import near

_METHODS = {
    "integrated_gradients": "ig, path integrated gradients, integrated gradient",
    "input_x_gradient": "gxi, ixg, gradient x input, grad x input, input x grad, gradient times input, "
    "input times gradient, gradient * input",
    "gradient": "grad, gradients, input gradient, backpropagation",
    "saliency": "vanilla, vanilla gradient, vanilla gradients, simple gradient, simple gradients, "
    "sensitivity analysis, saliency map, saliency maps",
    "smoothgrad": "sg, noise tunnel, smooth gradient, smooth gradients, smooth grad cam++, "
    "smooth grad cam pp",
    "smoothgrad_squared": "smoothgrad sq, sg sq, sgsq",
    "vargrad": "var gradient, smoothgrad var",
    "expected_gradients": "eg, gradient shap, grad shap, gradient explainer",
    "deeplift": "deeplift shap, deep shap, deep explainer, deeplift rescale, reveal cancel",
    "guided_backprop": "gbp, guided backpropagation, guided bp, guided gradient",
    "deconvnet": "deconv, deconvolution",
    "deep_taylor": "dtd, deep taylor decomposition",
    "excitation_backprop": "ebp, excitation backpropagation, excitation bp",
    "lrp": "layerwise relevance propagation, relevance propagation, epsilon plus, epsilon plus flat, "
    "epsilon gamma box, epsilon alpha2 beta1, epsilon alpha2 beta1 flat",
    "cam": "class activation map, class activation mapping",
    "grad_cam": "layer grad cam",
    "grad_cam_plus_plus": "grad cam pp",
    "fem": "feature based explanation method",
    "attention": "raw attention, attention map, attention maps, self attention, last layer attention",
    "attention_rollout": "rollout, vit rollout",
    "transformer_attribution": "transformer interpretability, chefer, generic attention, "
    "beyond attention visualization",
    "legrad": "layerwise explainability gradient",
    "layer_gradient_x_activation": "layer grad x activation, layer gradient times activation",
    "layer_integrated_gradients": "layer ig",
    "layer_deeplift": "layer deeplift shap",
    "neuron_integrated_gradients": "neuron ig",
    "neuron_deeplift": "neuron deeplift shap",
    "neuron_guided_backprop": "neuron guided backpropagation",
    "pixel_rde": "rde",
    "itti_koch": "itti, itti koch niebur",
    "gbvs": "graph based visual saliency",
    "region_contrast": "rc, hc, histogram contrast, global contrast",
    "spanning_tree": "mbd, minimum barrier distance, mst",
    "spectral_residual": "sr, static saliency spectral residual",
    "fine_grained": "static saliency fine grained",
}
_ABSENT = (
    "kpcacam, finercam, shapleycam, randomcam, segeigencam, sscam, iscam, fullgrad, "
    "occlusion, rise, lime, shap, kernel shap, partition explainer, "
    "permutation explainer, shapley values, shapley value sampling, feature ablation, feature permutation, "
    "tcav, anchors"
)
# Ours, of which the first that the method has is meant.
_OPTIONS = {
    "n steps, nsteps, num steps, n iter": ("steps",),
    "baselines, reference, references, background, background data": ("baseline",),
    "nt samples, n samples, nsamples, num samples, sample size": ("samples",),
    "stdevs, stdev, noise level, noise std, std, sigma": ("noise_scale",),
    "quadrature, method": ("rule",),
    "eps": ("epsilon", "stabiliser"),
    "composites, rules, name map": ("composite",),
    "random state, random seed": ("seed",),
    "lr": ("learning_rate",),
    "target layers, target layer, layers, layer name": ("layer",),
    "reshape transform": ("grid",),
    "neuron selector, neuron index, neuron": ("unit",),
    "interpolate, interpolation": ("upsample",),
}
# What is no option of a method here.
_ARGUMENTS = {
    "internal batch size, perturbations per eval, nt samples batch size, batch size": "`rows` of the "
    "Explainer bounds a model call, --rows on the command line",
    "nt type": "the methods smoothgrad, smoothgrad_squared and vargrad are its three types",
    "return convergence delta": "an explanation always has its `delta` and `residual`",
    "abs": "`explanation.heatmap('abs_sum')` and `'abs_max'` are magnitudes",
    "attribute to layer input, attribute to neuron input": "name the layer before in `layer`: what a layer "
    "returns is explained",
    "targets, class index, label, labels": "`target` says what is explained, --target on the command line",
    "inputs, input tensor": "`images` are what is explained",
    "additional forward args, feature mask": "give a function of images around the model",
    "canonizer, canonizers": "networks are taken as they are, no canonizer is needed",
    "device, use cuda": "the model and the images are explained where they are, --device on the command line",
}


def simple(word: str) -> str:
    """A word as it is compared."""
    return re.sub(r"[^a-z0-9]", "", word.lower().replace("+", "plus"))


def _words(listed: str) -> list[str]:
    return [simple(word) for word in listed.split(", ")]


METHODS = {word: name for name, listed in _METHODS.items() for word in _words(listed)}
ABSENT = frozenset(_words(_ABSENT))
OPTIONS = {word: names for listed, names in _OPTIONS.items() for word in _words(listed)}
ARGUMENTS = {word: told for listed, told in _ARGUMENTS.items() for word in _words(listed)}


def method_hint(name: str, known: Iterable[str]) -> str:
    """What to say of a method that is not ``known``: in brackets ours, the nearest, or that there is none."""
    word, ours = simple(name), {simple(method): method for method in known}
    if found := ours.get(word) or ours.get(simple(METHODS.get(word, ""))):
        return f" (did you mean {found!r}?)"
    return " (which pyxai does not have)" if word in ABSENT else near(name, ours.values())


def option_hint(name: str, known: Collection[str]) -> str:
    """What to say of an option that is not ``known``: in brackets ours, where to look, or the nearest."""
    word, ours = simple(name), {simple(option): option for option in known}
    wanted = [option for option in OPTIONS.get(word, ()) if option in known]
    if found := ours.get(word) or next(iter(wanted), None):
        return f" (did you mean {found!r}?)"
    return f" ({ARGUMENTS[word]})" if word in ARGUMENTS else near(name, known)
