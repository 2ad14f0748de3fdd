"""The result of a method, with its completeness error and its sampling error."""

from __future__ import annotations

import dataclasses
import io
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pyxai.checks import expect, shown
from pyxai.methods.per_image import image_l1, image_sum
from pyxai.methods.request import Maps

PICTURE = ("channel", "y", "x")
CLIP = ("channel", "frame", "y", "x")
"""The axes of a map that is a picture, and of one that is a clip or another volume."""

_SHOWN = 3  # images of a batch that a notebook shows, or that are told apart in one line


@dataclass(eq=False, repr=False)
class Explanation:
    """Attribution maps of a batch and how far each can be trusted.

    ``len`` is the number of images; ``explanation[3]`` and iterating give batches of one image,
    ``explanation[2:5]`` some of the images. With T targets per image every result has an axis T after N.

    Attributes:
        attribution: (N, C, H, W), or (N, 1, H, W) for methods without colour, (N, 1, h, w) where the size of
            an inner layer is kept; of volumes with an axis T before H; (N, …) of the methods of inner layers:
            ``axes`` says what the axes are; dtype and device of the images.
        target: (N,) int64, the class explained, 0 where there is one output, -1 where units of an inner layer
            are explained; None for methods without a model.
        score: (N,), what is explained of it: see ``output_kind``; None without a model.
        delta: (N,) float64, the completeness error: the sum of the map minus what it must be; None where no
            axiom says.
        residual: (N,) float64, |delta| / max(|expected|, 1e-3 · sum |map|); None where ``delta`` is.
        standard_error: like ``attribution``, of the map; None for methods that do not sample.
        evaluations: (N,) int64, gradient evaluations spent on each image; None without a model.
        method: name of the method.
        images: the images explained.
        extras: what else a method has to tell, by name, (N, ...) each. Methods that ask for gradients or the
            graph have ``zero_map``, (N,) bool: whether all values of the map are zero, as where no ReLU that
            the score depends on is active.
        output_kind: what the score is: one of ``scores`` (of a class, before any softmax), ``probabilities``,
            ``value`` (the model's one output), ``binary`` (one logit, of class 0 with the other sign) and
            ``units`` (the value of units of an inner layer, their sum where they are several); None without a
            model.
        target_name: ``module:qualname`` of the callable that was the target, or which units are explained;
            else None.
        class_names: class to name, of those that have one.
        axes: what the axes of one map are called: ``("channel", "y", "x")``, of volumes ``("channel",
            "frame", "y", "x")``, or what those of an inner layer are: ``("y", "x", "channel")``, ``("token",
            "channel")``, ``("unit",)``, and ``axis_1`` and so on where that is not known.
        unexplained: of rows of a run, why an image has no result, ``"failed: …"`` or ``"pending"``, one text
            for each image and "" where there is a result; empty where all have one.
    """

    attribution: Tensor
    target: Tensor | None
    score: Tensor | None
    delta: Tensor | None
    residual: Tensor | None
    standard_error: Tensor | None
    evaluations: Tensor | None
    method: str
    images: Tensor | None = None
    extras: dict[str, Tensor] = field(default_factory=dict)
    output_kind: str | None = None
    target_name: str | None = None
    class_names: Mapping[int, str] = field(default_factory=dict)
    axes: tuple[str, ...] = PICTURE
    unexplained: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.attribution)

    def __getitem__(self, rows: int | slice | list[int] | Tensor) -> Explanation:
        """The explanation of some of the images: an int gives a batch of one.

        Args:
            rows: an int, from the end where it is negative; a slice; or a list or tensor of ints or booleans.

        Raises:
            IndexError: there is no such image.
            TypeError: ``rows`` is none of these.
        """
        count = len(self)
        if isinstance(rows, slice):
            chosen = range(count)[rows]  # a tensor has no slices from the end to the beginning
            rows = list(chosen) if chosen.step < 0 else slice(chosen.start, chosen.stop, chosen.step)
        elif isinstance(rows, list | Tensor | np.ndarray) and np.ndim(rows) == 1:
            rows = torch.as_tensor(rows if len(rows) else [False] * count, device=self.attribution.device)
        else:
            rows = self._row(rows)
        chosen = self._changed(lambda values: values[rows])
        if self.unexplained:
            numbers = torch.arange(count, device=self.attribution.device)[rows]
            chosen.unexplained = tuple(self.unexplained[number] for number in numbers.tolist())
        return chosen

    def _row(self, number: Any) -> slice:
        """The slice of one image."""
        try:
            row = operator.index(number)
        except TypeError:
            wanted = "be a number, a slice, or a list or tensor of numbers"
            expect(False, "rows", wanted, shown(number), TypeError)
        if not -len(self) <= row < len(self):
            raise IndexError(f"image {row} of {len(self)}")
        return slice(row % len(self), row % len(self) + 1)

    def __iter__(self) -> Iterator[Explanation]:
        """Each image as a batch of one."""
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        """One line: the method, how many images, the shape of the maps, what is explained, and how well."""
        count = len(self)
        parts = [f"maps {tuple(self.attribution.shape)} {str(self.attribution.dtype).removeprefix('torch.')}"]
        if self.target_name is not None:
            parts.append(f"target {self.target_name}")
        elif self.target is not None and self.output_kind != "value":
            classes = ["/".join(map(self._called, row.reshape(-1).tolist())) for row in self.target[:_SHOWN]]
            parts.append(f"target {', '.join(classes)}{', …' if count > _SHOWN else ''}")
        if self.residual is not None:
            known = self.residual[~self.residual.isnan()]  # of rows that failed it is NaN
            if known.numel():
                parts.append(f"residual at most {100 * known.max().item():.2g} %")
        if without := sum(map(bool, self.unexplained)):
            parts.append(f"{without} without a result")
        images = "1 image" if count == 1 else f"{count} images"
        return " ".join(f"<Explanation {self.method} of {images}: {'; '.join(parts)}>".split())

    def _called(self, number: int) -> str:
        return f"{number} {self.class_names.get(number, '').partition(',')[0]}".strip()

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: the first images and their maps; None, for the one line, if that fails."""
        try:
            file = io.BytesIO()
            self[:_SHOWN].plot().save(file, "png")
            return file.getvalue()
        except Exception:  # no display of a result may take the result away
            return None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The maps, as :meth:`numpy` gives them: what ``np.asarray(explanation)`` is."""
        return np.array(self.numpy(), dtype, copy=copy)

    def numpy(self) -> np.ndarray:
        """The maps as an array, like ``attribution``; float32 where that has a dtype numpy lacks."""
        maps = self.attribution.detach().cpu()
        return (maps.float() if maps.dtype == torch.bfloat16 else maps).numpy()

    def to(
        self, device: torch.device | str | int | torch.dtype | None = None, dtype: torch.dtype | None = None
    ) -> Explanation:
        """A copy with all tensors on ``device``, and the floating ones but ``delta`` and ``residual``, which
        stay in float64, in ``dtype``. A dtype may stand in the place of the device.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        expect(dtype is None or dtype.is_floating_point, "dtype", "be a floating dtype", dtype, TypeError)

        def moved(values: Tensor) -> Tensor:
            return values.to(device=device, dtype=dtype if values.is_floating_point() else None)

        changed = self._changed(moved)
        for name in ("delta", "residual"):
            exact = getattr(self, name)
            setattr(changed, name, None if exact is None else exact.to(device=device))
        return changed

    def _changed(self, change: Callable[[Tensor], Tensor]) -> Explanation:
        """A copy with every tensor changed."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        values = {
            name: change(value) if isinstance(value, Tensor) else value for name, value in values.items()
        }
        return Explanation(**values | {"extras": {name: change(part) for name, part in self.extras.items()}})

    def heatmap(self, reduce: Literal["sum", "abs_sum", "abs_max"] = "sum") -> Tensor:
        """The maps without their channel axis, (N, H, W); of volumes (N, T, H, W).

        Args:
            reduce: ``sum`` keeps signs and the total; ``abs_sum`` and ``abs_max`` give magnitudes.

        Raises:
            ValueError: the values lie in no picture, as those of a layer without places; `axes` tells.
        """
        drawn = {*self.axes} in ({*PICTURE}, {*CLIP})
        wanted = "have the axes channel, y and x to be drawn (`upsample` makes a picture of a layer's map)"
        expect(drawn, "attribution", wanted, ", ".join(self.axes))
        channel = self.axes.index("channel") - len(self.axes)
        if reduce == "sum":
            return self.attribution.sum(channel)
        if reduce == "abs_sum":
            return self.attribution.abs().sum(channel)
        if reduce == "abs_max":
            return self.attribution.abs().amax(channel)
        raise ValueError(f"`reduce` must be 'sum', 'abs_sum' or 'abs_max', got {reduce!r}")

    def plot(
        self,
        classes: Mapping[int, str] | Sequence[str] | None = None,
        *,
        images: Any = None,
        preprocess: Any = None,
        **options: Any,
    ):
        """The maps beside their images, a ``PIL.Image``.

        Args:
            classes: names of classes, in order or by number; default ``class_names``.
            images: what is shown beside the maps; default ``images``. Tensors (N, C, H, W), or pictures.
            preprocess: what the images went through, so that they are shown as the pictures they were, also
                where they are normalised or in the order of BGR.
            options: ``title``, ``cmap``, ``percentile``; all as for :func:`pyxai.render.sheet_of`.
        """
        from pyxai import render

        return render.sheet_of(self, classes, images=images, preprocess=preprocess, **options)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write :meth:`plot` to ``path``; returns the path.

        Raises:
            ValueError: the ending of ``path`` is of no format that Pillow writes.
            OSError: it cannot be written, as where there is no such folder.
        """
        from pyxai.render.write import check_ending, write

        check_ending(path)  # before anything is drawn
        write(self.plot(**options), path)
        return Path(path)


def explanation(maps: Maps, images: Tensor, single: bool, **about: Any) -> Explanation:
    """Put a method's maps together and compute the completeness error.

    Args:
        single: whether there is one target per image, and results have no axis for it.
        about: what else an :class:`Explanation` says: its method, and what is explained.
    """
    delta = residual = None
    if maps.expected is not None:
        total = torch.stack([image_sum(attribution) for attribution in maps.attribution], 1)
        size = torch.stack([image_l1(attribution) for attribution in maps.attribution], 1)
        delta = total - maps.expected
        scale = torch.maximum(maps.expected.abs(), 1e-3 * size)
        residual = torch.where(delta == 0, 0.0, delta.abs() / scale)

    def axes(values: Tensor | None) -> Tensor | None:
        return values[:, 0] if single and values is not None else values

    def joined(parts: list[Tensor] | None) -> Tensor | None:
        return None if parts is None else parts[0] if single else torch.stack(parts, 1)

    return Explanation(
        attribution=joined(maps.attribution),
        target=axes(maps.target),
        score=None if maps.score is None else axes(maps.score).to(images.dtype),
        delta=axes(delta),
        residual=axes(residual),
        standard_error=joined(maps.standard_error),
        evaluations=maps.evaluations,
        images=images,
        extras={name: joined(parts) for name, parts in maps.extras.items()},
        axes=maps.axes or (PICTURE if images.ndim == 4 else CLIP),
        **about,
    )
