"""``pyxai visualize``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyxai.cli import values
from pyxai.cli.messages import speaks
from pyxai.cli.values import EVAL
from pyxai.engine import InputError
from pyxai.engine.errors import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor

    from pyxai import Explainer

METHOD = "attribution_visualization"


def visualize(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Pictures of one size.")],
    model: Annotated[str, typer.Option(metavar="SPEC", help="As for `pyxai explain`.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pictures go.")],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A module of the model; repeat for several. Default: the last map."
        ),
    ] = None,
    target: Annotated[
        str, typer.Option(metavar="TARGET", help="predicted, a class, several as in 0,20, or topK.")
    ] = "predicted",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help=f"Option of {METHOD}; repeat for several."),
    ] = None,
    classes: Annotated[Path | None, typer.Option(metavar="FILE", help="Names of classes.")] = None,
    groups: Annotated[
        bool, typer.Option("--groups", help="A picture for each group of channels; all of one class.")
    ] = False,
    eval_: Annotated[bool, EVAL] = False,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Show what the neurons stand for that count for a class: pictures of attributions at layers."""
    options = {"seed": seed} | values.method_options(METHOD, set_)
    names = values.class_names(classes)
    asked = values.target(target, names)
    from pyxai import Explainer, load_images
    from pyxai.engine.models.load import load_model
    from pyxai.render.pixels import picture_space, pixels_of

    if groups and "channels" in options:
        raise InputError("--groups chooses the channels: leave --set channels out")
    loaded = load_model(model)
    images = load_images(pictures, loaded.preprocess)
    if eval_:
        loaded.model.eval()

    def explainer(name: str | None, **more: Any) -> Explainer:
        chosen = {} if name is None else {"layer": name}
        settings = {"preprocess": loaded.preprocess, "class_names": names or None}
        return Explainer(loaded.model, METHOD, **settings, **options | chosen | more)

    layers = layer or [None]
    space = picture_space(loaded.preprocess)
    with refusals():
        runs = [explainer(name) for name in layers]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    for name, run in zip(layers, runs, strict=True):
        with refusals():
            shown = [("", asked, run)]
            if groups:
                shown = [
                    (f"_group{number}", of_class, explainer(name, channels=channels))
                    for of_class, found in _groups(run, images, asked)
                    for number, channels in enumerate(found, 1)
                ]
        for ending, of_class, run in shown:
            with refusals(), _bar(f"{name or 'the last map'}{ending.replace('_', ', ')}", quiet):
                found = run(images, of_class)
            many = found.target.reshape(len(images), -1)
            drawn = found.attribution.reshape(len(images), many.shape[1], *images.shape[1:])
            for row, picture in enumerate(pictures):
                for column, number in enumerate(many[row].tolist()):
                    place = out / f"{row}_{picture.stem}_{name or 'last'}_class{number}{ending}.png"
                    _write(place, pixels_of(drawn[row, column], space))
                    print(place)


def _groups(run: Explainer, images: Tensor, asked: Any) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """Each class that is asked for, and the groups of channels that count for it in all of the images."""
    from pyxai.visualization import channel_groups

    found = run.unit_values(images, asked)
    many = found.target.reshape(len(images), -1)
    maps = found.attribution.reshape(*many.shape, *found.attribution.shape[found.target.ndim :])
    channel = 1 + found.axes.index("channel")
    for column, classes in enumerate(many.T.tolist()):
        if len(set(classes)) > 1:
            few = ", ".join(map(str, sorted(set(classes))[:5]))
            raise InputError(f"--groups needs one class for all pictures, got {few}: name it with --target")
        yield classes[0], channel_groups(maps[:, column].movedim(channel, 1))


@contextmanager
def _bar(layer: str, quiet: bool) -> Iterator[None]:
    """A bar of the steps on a terminal, while they are made."""
    from pyxai.visualization import told

    if quiet or not speaks() or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"visualizing {layer}", total=None)

        def listen(made: int, steps: int) -> None:
            bar.update(task, completed=made, total=steps)

        with told(listen):
            yield


def _write(place: Path, pixels: np.ndarray) -> None:
    """Pixels (H, W, 3) uint8 as a PNG."""
    from PIL import Image

    try:
        Image.fromarray(pixels).save(place)
    except OSError as error:
        raise InputError(f"cannot write {place}: {error.strerror or error}") from None
