"""``pyxai dxai train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyxai.cli import values
from pyxai.cli.values import EVAL
from pyxai.engine import InputError, RunError

if TYPE_CHECKING:
    from pyxai.dxai.training import Progress


def train(
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Tree or zip with one folder for each class.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder for checkpoint, log and samples.")],
    classifier: Annotated[
        str,
        typer.Option(
            metavar="SPEC|train|discriminator",
            help="The explained classifier: as for `pyxai explain`; train or train:simple: a ResNet-18 or "
            "the paper's simple one, trained first; discriminator: the one that is trained anyway.",
        ),
    ] = "discriminator",
    iterations: Annotated[int, typer.Option(min=1, help="Steps in all. The paper has 300000.")] = 20_000,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels; default: the classifier's, else 64.")
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="One channel in place of three.")] = False,
    eval_: Annotated[bool, EVAL] = False,
    batch: Annotated[int, typer.Option(help="Images of a step.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Parts a batch is split into, to save memory.")] = 1,
    branches: Annotated[int, typer.Option(help="Of the generator; the first is the distinct one.")] = 5,
    generator_width: Annotated[
        int, typer.Option(help="Channels of a branch at full resolution; 7 as published.")
    ] = 7,
    discriminator_width: Annotated[
        int | None, typer.Option(help="Channels at full resolution; default: 2^14 / side, as published.")
    ] = None,
    input_norm: Annotated[
        bool, typer.Option(help="Normalise the generator's input, which hides brightness and colour casts.")
    ] = True,
    objective: Annotated[str, typer.Option(metavar="paper|code", help="Forms of the losses.")] = "paper",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Weight or form of a loss in place of the objective's."),
    ] = None,
    augmentation: Annotated[str, typer.Option(metavar="none|flip|dihedral")] = "flip",
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    decay: Annotated[float, typer.Option(help="Of the weights' moving average.")] = 0.999,
    precision: Annotated[str, typer.Option(metavar="fp32|bf16")] = "fp32",
    seed: Annotated[int, typer.Option()] = 0,
    device: Annotated[str | None, typer.Option(help="Default: cuda where there is one.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run if it exists.")] = False,
    minutes: Annotated[float, typer.Option(help="Between checkpoints.")] = 5.0,
    report_every: Annotated[int, typer.Option(min=1, help="Steps between reports and sample sheets.")] = 100,
) -> None:
    """Train a decomposition for a classifier and a data set. Also under torchrun."""
    chosen = values.objective(objective, set_)
    if precision not in ("fp32", "bf16"):
        raise InputError(f"--precision must be one of fp32, bf16, got {precision!r}")
    from PIL import Image

    from pyxai.dxai.pictures import sheet
    from pyxai.dxai.step import Diverged
    from pyxai.dxai.training import CHECKPOINT
    from pyxai.engine.decomposition.train import begin
    from pyxai.engine.runner.distributed import world

    with world() as place:
        training = begin(
            data,
            out,
            classifier,
            place,
            image_size=image_size,
            grey=grey,
            evaluation=eval_,
            device=device,
            resume=resume,
            branches=branches,
            generator_width=generator_width,
            input_norm=input_norm,
            discriminator_width=discriminator_width,
            objective=chosen,
            batch=batch,
            accumulate=accumulate,
            rate=rate,
            decay=decay,
            bf16=precision == "bf16",
            augmentation=augmentation,
            seed=seed,
        )
        speaks = place.rank == 0
        if speaks:
            count, size, classes = len(training.data.labels), training.recipe.size, training.data.classes
            where = f"{len(classes)} classes, on {training.device}"
            print(f"{count} images of {size}² pixels, {where}", flush=True)
        try:
            for progress in training.run(iterations, report_every=report_every, minutes=minutes):
                if speaks:
                    _tell(progress, iterations)
                    samples = out / "samples"
                    samples.mkdir(exist_ok=True)
                    picture = Image.fromarray(sheet(progress.images, progress.sample))
                    picture.save(samples / f"{progress.iteration:07d}.png")
        except Diverged as error:
            raise RunError(f"{error}; {out / CHECKPOINT} is from before, a lower --rate may help") from None


def _tell(progress: Progress, iterations: int) -> None:
    left = (iterations - progress.iteration) / progress.speed
    parts = [f"{progress.iteration}/{iterations}", f"{progress.speed:.2f}/s", f"{left / 60:.0f} min left"]
    parts += [f"{name} {value:.3g}" for name, value in {**progress.losses, **progress.quality}.items()]
    print("  ".join(parts), flush=True)
    if progress.complaint:
        print(f"pyxai: {progress.complaint}", file=sys.stderr, flush=True)
