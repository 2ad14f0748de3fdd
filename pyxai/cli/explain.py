"""``pyxai explain``."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyxai.cli import values
from pyxai.cli.messages import speaks
from pyxai.cli.supervise import supervised
from pyxai.cli.values import EVAL
from pyxai.engine import Job
from pyxai.engine.errors import printable
from pyxai.engine.job import BATCH

if TYPE_CHECKING:
    from pyxai.engine.runner.progress import Progress
    from pyxai.engine.runner.summary import Summary

_BEGAN = time.perf_counter()

FAILED_ROWS = 3
"""Exit code of a run that went through, or was stopped by --strict, with rows that failed."""


def explain(
    data: Annotated[
        Path,
        typer.Option(metavar="PATH", help="Folder or tree of pictures, zip of one, picture, .npy or .npz."),
    ],
    out: Annotated[Path, typer.Option(metavar="RUN.zarr", help="Store to create.")],
    frames: Annotated[
        int | None,
        typer.Option(
            metavar="T",
            help="Explain clips of T frames, taken evenly: each GIF, each other file with several frames or "
            "pages, and each folder of frames is one. Arrays (N, C, T, H, W) are clips with or without it.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="timm:NAME, torchvision:NAME, hf:NAME, dxai:RUN, FILE.pt2, path/file.py:callable or "
            "package.module:callable, with ?weights=FILE if wanted; none for the classical methods.",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="See `pyxai methods`; or path/file.py:NAME for one of yours.")
    ] = "integrated_gradients",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Option of the method; repeat for several."),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="TARGET",
            help="predicted; a class by its number or name (of the model, or see --classes); several, as in "
            "0,20; topK, as in top5; FILE.npy with the classes of every image; or path/file.py:NAME of a "
            "function of one image's output.",
        ),
    ] = "predicted",
    eval_: Annotated[bool, EVAL] = False,
    output: Annotated[
        Any,
        typer.Option(
            metavar="INDEX|KEY",
            parser=values.output,
            help="Which tensor of what the model returns is explained, as in 0, logits or 1.logits; default: "
            "the one that could be meant.",
        ),
    ] = None,
    output_kind: Annotated[
        str,
        typer.Option(
            metavar="auto|scores|probabilities|value|binary",
            help="What the output means: scores before any softmax, probabilities as returned, one value, or "
            "one logit of two classes.",
        ),
    ] = "auto",
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of classes, else those of the model: .json list or object, or one name a line.",
        ),
    ] = None,
    batch_size: Annotated[
        Any,
        typer.Option(
            metavar="auto|N",
            parser=values.integer_or_auto,
            help="Images handed over at a time; never changes results.",
        ),
    ] = "auto",
    rows: Annotated[
        Any,
        typer.Option(
            metavar="auto|N",
            parser=values.integer_or_auto,
            help="Fixed rows of every model call; settled once and stored.",
        ),
    ] = "auto",
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1, ...; default: cuda where there is one.")
    ] = None,
    precision: Annotated[str, typer.Option(metavar="fp32|bf16", help="Arithmetic of the model.")] = "fp32",
    seed: Annotated[int, typer.Option(help="Of methods that draw random numbers.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the store if it exists.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: also what failed before.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first image that fails.")] = False,
    max_failed: Annotated[
        str,
        typer.Option(
            metavar="N|P%",
            help="Stop where more images fail: a number, or a share of those tried, from the 64th on.",
        ),
    ] = "90%",
    shard: Annotated[
        Any,
        typer.Option(metavar="I/N", parser=values.shard, help="Do the chunks i, i + n, ... only; i from 0."),
    ] = "0/1",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Explain the first N images of the data only.")
    ] = None,
    resize: Annotated[int | None, typer.Option(help="Short side in pixels.")] = None,
    crop: Annotated[int | None, typer.Option(help="Centre square in pixels.")] = None,
    mean: Annotated[
        Any,
        typer.Option(metavar="A,B,C", parser=values.numbers, help="Per channel, of pixels in [0, 1]."),
    ] = None,
    std: Annotated[
        Any, typer.Option(metavar="A,B,C", parser=values.numbers, help="Per channel, like --mean.")
    ] = None,
    grey: Annotated[
        bool, typer.Option("--grey", help="Pictures in grey, for models of one channel.")
    ] = False,
    range_: Annotated[
        Any,
        typer.Option(
            "--range",
            metavar="LOW,HIGH",
            parser=values.numbers,
            help="Samples that are black and white, of floats and of more than 8 bits, as 0,4095; default: "
            "what the file says, else all of 16 bits.",
        ),
    ] = None,
    max_pixels: Annotated[
        int, typer.Option(metavar="N", help="Of one picture, or all frames of a clip; larger ones fail.")
    ] = 2**27,
    max_unpacked: Annotated[
        int, typer.Option(metavar="BYTES", help="What one file in a zip or .npz may unpack to.")
    ] = 2**28,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="heatmap|attribution|both",
            help="What is stored; default: what the method declares, mostly heatmap.",
        ),
    ] = None,
    store_dtype: Annotated[str, typer.Option(metavar="float32|float16", help="Of the maps.")] = "float32",
    workers: Annotated[
        Any,
        typer.Option(
            metavar="auto|N",
            parser=values.integer_or_auto,
            help="Decoding processes; 0: a thread of this one.",
        ),
    ] = "auto",
    timeout: Annotated[
        Any,
        typer.Option(
            metavar="SECONDS",
            parser=values.seconds,
            help="The longest that explaining a batch may take, or any other step after the start; then the "
            "run is ended and the images are named. Default: no limit.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", help="Errors, doubts about pictures and the summary: no progress."),
    ] = False,
) -> int:
    """Explain every image of a data set and store the maps with their completeness errors."""
    with supervised(timeout) as heard:
        progress = heard(_progress(quiet))
        progress.doing("importing torch", limited=False)
        preprocess = {"resize": resize, "crop": crop, "mean": mean, "std": std, "range": range_}
        preprocess["channels"] = "L" if grey else None
        names = values.class_names(classes)
        job = Job(
            model=model,
            data=data,
            frames=frames,
            out=out,
            method=method,
            options=values.method_options(method, set_),
            target=values.target(target, names),
            eval=eval_,
            output=output,
            output_kind=output_kind,
            class_names=names,
            preprocess={name: value for name, value in preprocess.items() if value is not None},
            batch_size=BATCH if batch_size is None else batch_size,
            rows=rows,
            device=device,
            precision=precision,
            seed=seed,
            keep=keep,
            store_dtype=store_dtype,
            workers=workers,
            resume=resume,
            retry_failed=retry_failed,
            strict=strict,
            max_failed=max_failed,
            shard=shard,
            limit=limit,
            max_pixels=max_pixels,
            max_unpacked=max_unpacked,
        )
        return _run(job, progress, quiet)


def _progress(quiet: bool) -> Progress:
    from pyxai.engine.runner.progress import Bar, Lines, Progress

    loud = Bar if sys.stderr.isatty() else Lines
    return loud() if speaks() and not quiet else Progress()


def _run(job: Job, progress: Progress, quiet: bool) -> int:
    from pyxai.engine.data.decode import PictureWarning, quiet_decoders
    from pyxai.engine.runner.run import run

    if quiet:
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", PictureWarning)  # that pixels may be read wrongly is no detail
    quiet_decoders()
    summary = run(job, progress, imports=time.perf_counter() - _BEGAN)
    summary.store = Path(job.out)  # as it was typed
    if speaks():
        print(_summary(summary))
    return FAILED_ROWS if summary.failed else 0


def _summary(summary: Summary) -> str:
    startup = ", ".join(f"{name} {seconds:.1f}" for name, seconds in summary.startup.items())
    lines = [
        ("images", f"{summary.done} of {summary.images} done, {summary.failed} failed"),
        ("speed", f"{summary.images_per_second:.1f} images/s ({summary.rows} in {summary.seconds:.1f} s)"),
        ("start-up", f"{sum(summary.startup.values()):.1f} s ({startup})"),
    ]
    if summary.explained:
        lines.append(("explained", summary.explained))
    if summary.residual_median is not None:
        text = f"median {100 * summary.residual_median:.3g} %, max {100 * summary.residual_max:.3g} %"
        lines.append(("residual", text))
    if summary.evaluations is not None:
        lines.append(("evaluations", f"{summary.evaluations:.1f} per image"))
    if summary.zero_maps:
        lines.append(("zero maps", f"{summary.zero_maps}, see {summary.store}/zero_maps.jsonl"))
    if summary.left_out:
        lines.append(("left out", summary.left_out))
    if summary.failed:
        lines.append(("failures", f"{summary.store}/errors.jsonl"))
    lines.append(("store", str(summary.store)))
    lines.append(
        ("pictures", f"pyxai render {summary.store} --index 0:{min(16, summary.images)} --out sheet.png")
    )
    return "\n".join(printable(f"{name:12} {value}") for name, value in lines)
