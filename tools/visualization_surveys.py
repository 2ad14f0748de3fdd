"""Make the two surveys of Shi et al. 2023, §4.3, with the trained ResNet-20 and photographs of CIFAR-10.

    python -m tools.visualization_surveys --out FOLDER [--images N] [--steps N]

Fifteen explanations are compared: eight attributions, each as a heat map and its visualization without a
mask, groups of channels, class-targeted neurons, and attributions with each of the five fills.
`FOLDER/preference` and `FOLDER/meaning` get the files of `pyxai survey` and the pages made of them. The
photographs, and the network, are those of the test data (`PYXAI_TEST_DATA`).
"""

from __future__ import annotations

import argparse
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import pyxai
from pyxai.render import overlay
from pyxai.render.pixels import picture_space, pixels_of, space_of
from pyxai.report import read_survey, survey_page
from pyxai.visualization import FILLS, channel_groups
from tests import zoo

METHOD = "attribution_visualization"
LAYER = "layer2"
ATTRIBUTION = {"steps": 33, "effort": 0.05}  # of aumann_shapley
GROUPS, NEURONS = "class-discriminative groups", "class-targeted neurons"
TOP_FOUR = ("LRP", GROUPS, "fractal", "pyramid")  # of the paper's survey of preference
STRONGEST, REFERENCES, ENLARGED = 4, 5, 4


class Photographs:
    """The network, photographs that are explained, and others to compare with."""

    def __init__(self, count: int):
        self.model, self.preprocess = zoo.resnet20_cifar10()
        every, self.labels = zoo.cifar10_images()
        self.every = every
        with torch.no_grad():
            scores = torch.cat([self.model(block) for block in every.split(200)])
        right = (scores.argmax(1) == self.labels).nonzero()[:, 0]
        self.chosen = right[:: max(1, len(right) // count)][:count]
        self.ranked = scores.argsort(1, descending=True)

    @cached_property
    def attributions(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """The paper's eight, by name: the method of a layer and its options."""
        return {
            "GradCAM": ("grad_cam", {"layer": LAYER}),
            "LRP": ("layer_lrp", {}),
            "DeepLIFT Rescale": ("layer_deeplift", {}),
            "DeepLIFT RevealCancel": ("layer_deeplift", {"rule": "reveal_cancel"}),
            "GradxInput": ("layer_gradient_x_activation", {}),
            "DeepSHAP": ("layer_deeplift", {"baseline": self.every[None, :: len(self.every) // 8][:, :8]}),
            "NeuronIG": ("layer_integrated_gradients", {"steps": 33}),
            "IG noise": ("layer_integrated_gradients", {"steps": 33, "samples": 8, "noise_scale": 0.1}),
        }

    def explained(self, method: str, row: int, target: int, steps: int) -> list[np.ndarray]:
        """The pictures of an explanation."""
        images = self.every[row : row + 1]
        options: dict[str, Any] = {"attribution_options": ATTRIBUTION}
        if method in self.attributions:
            name, of_attribution = self.attributions[method]
            options = {"attribution": name, "attribution_options": of_attribution, "masked": False}
        elif method == GROUPS:
            options |= {"channels": self._group(row, target), "masked": False}
        elif method == NEURONS:
            options |= {"strongest": STRONGEST, "masked": False}
        else:
            options |= {"fill": method}
        run = pyxai.Explainer(
            self.model, METHOD, layer=LAYER, steps=steps, preprocess=self.preprocess, **options
        )
        picture = pixels_of(run(images, target).attribution[0], picture_space(self.preprocess))
        if method not in self.attributions:
            return [picture]
        heat = run.unit_values(images, target).attribution[0].sum(0).numpy()
        return [overlay(self.pixels(row), heat), picture]

    def _group(self, row: int, target: int) -> tuple[int, ...]:
        """The group of channels that counts the most for a class in an image."""
        values = pyxai.Explainer(self.model, "aumann_shapley", layer=LAYER, **ATTRIBUTION)
        of_class = values(self.every[self.labels == target][:8], target).attribution
        own = values(self.every[row : row + 1], target).attribution[0]
        return max(channel_groups(of_class), key=lambda group: float(own[list(group)].sum()))

    def pixels(self, row: int) -> np.ndarray:
        return pixels_of(self.every[row], space_of(self.preprocess))

    def references(self, target: int) -> list[np.ndarray]:
        """Photographs of a class that are not explained."""
        rows = [row for row in (self.labels == target).nonzero()[:, 0].tolist() if row not in self.chosen]
        return [self.pixels(row) for row in rows[-REFERENCES:]]


class Survey:
    """A survey's folder."""

    def __init__(self, folder: Path, about: Photographs):
        self.folder, self.about, self.questions = folder, about, []
        folder.mkdir(parents=True, exist_ok=True)

    def picture(self, name: str, pixels: np.ndarray) -> str:
        """Store a picture; small as it is, each of its pixels becomes several."""
        large = pixels.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        Image.fromarray(large).save(self.folder / f"{name}.png")
        return f"{name}.png"

    def classes(self, targets: list[int]) -> list[dict[str, Any]]:
        return [
            {
                "name": zoo.CIFAR10_CLASSES[target],
                "references": [
                    self.picture(f"{zoo.CIFAR10_CLASSES[target]}-{number}", pixels)
                    for number, pixels in enumerate(self.about.references(target))
                ],
            }
            for target in targets
        ]

    def finish(self, kind: str, title: str) -> None:
        document = {"kind": kind, "title": title, "questions": self.questions}
        place = self.folder / "survey.json"
        place.write_text(json.dumps(document, indent=1))
        (self.folder / "survey.html").write_text(survey_page(read_survey(place)))
        print(self.folder / "survey.html")


def preference(about: Photographs, folder: Path, steps: int) -> None:
    """Fig. 11: for each photograph all explanations of its class and of one of the next four."""
    survey, random = Survey(folder, about), np.random.default_rng(0)
    methods = [*about.attributions, GROUPS, NEURONS, *FILLS]
    for number, row in enumerate(about.chosen.tolist()):
        targets = [int(about.ranked[row, place]) for place in (0, random.integers(1, 5))]
        explanations = []
        for k, method in enumerate(methods):
            pictures = [
                [
                    survey.picture(f"{number}-{k}-{target}-{part}", pixels)
                    for part, pixels in enumerate(about.explained(method, row, target, steps))
                ]
                for target in targets
            ]
            explanations.append({"method": method, "pictures": pictures})
        question = {"id": f"photograph {number + 1}", "classes": survey.classes(targets)}
        picture = survey.picture(f"{number}", about.pixels(row))
        survey.questions.append(question | {"picture": picture, "explanations": explanations})
        print(f"preference: {number + 1} of {len(about.chosen)}", flush=True)
    survey.finish("preference", "Which explanations are clear?")


def meaning(about: Photographs, folder: Path, steps: int) -> None:
    """Fig. 13: for each photograph and method which of three classes is shown, without the photograph."""
    survey, random = Survey(folder, about), np.random.default_rng(1)
    for number, row in enumerate(about.chosen.tolist()):
        others = random.choice(np.arange(1, 5), 2, replace=False)
        targets = [int(about.ranked[row, place]) for place in (0, *others)]
        for k, method in enumerate(TOP_FOUR):
            shown = int(random.choice(targets))
            pixels = about.explained(method, row, shown, steps)[-1]
            survey.questions.append(
                {
                    "id": f"explanation {len(survey.questions) + 1}",
                    "picture": survey.picture(f"{number}-{k}", pixels),
                    "classes": survey.classes(targets),
                    "method": method,
                    "answer": zoo.CIFAR10_CLASSES[shown],
                }
            )
        print(f"meaning: {number + 1} of {len(about.chosen)}", flush=True)
    survey.finish("meaning", "What does the explanation show?")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=15)
    parser.add_argument("--steps", type=int, default=256)
    arguments = parser.parse_args()
    if zoo.missing_data():
        parser.error(zoo.missing_data())
    about = Photographs(arguments.images)
    preference(about, arguments.out / "preference", arguments.steps)
    meaning(about, arguments.out / "meaning", arguments.steps)


if __name__ == "__main__":
    main()
