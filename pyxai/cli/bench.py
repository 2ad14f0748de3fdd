"""``pyxai bench``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pyxai.cli import values
from pyxai.cli.values import EVAL
from pyxai.engine import InputError
from pyxai.engine.errors import one_line


def bench(
    model: Annotated[
        str, typer.Option(metavar="SPEC", help="As for `pyxai explain`.")
    ] = "pyxai.demo.networks:photographs",
    method: Annotated[str, typer.Option(metavar="NAME")] = "integrated_gradients",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="K=V")] = None,
    size: Annotated[int, typer.Option(min=1, help="Side of the images in pixels.")] = 192,
    channels: Annotated[int, typer.Option(min=1, help="Channels of the images.")] = 3,
    images: Annotated[int, typer.Option(min=1, help="Number of images.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 7,
    eval_: Annotated[bool, EVAL] = False,
    rows: Annotated[Any, typer.Option(metavar="auto|N", parser=values.integer_or_auto)] = "auto",
    precision: Annotated[str, typer.Option(metavar="fp32|bf16")] = "fp32",
) -> None:
    """Time a method against the bare model, and against Captum where it is installed."""
    options = values.method_options(method, set_)
    import torch

    from pyxai.bench import run
    from pyxai.engine.models.load import load_model

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(images, channels, size, size, generator=generator)
    try:
        loaded = load_model(model).model
        if eval_:
            loaded.eval()
        result = run(
            loaded,
            noise,
            method,
            rows=rows,
            precision=precision,
            rounds=rounds,
            **options,
        )
    except Exception as error:  # the model's own code may raise anything
        raise InputError(one_line(error)) from error
    print(result.text())
