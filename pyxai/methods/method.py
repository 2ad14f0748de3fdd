"""The base class of every method: what a method declares, and how it becomes known by its name.

A method is a frozen dataclass of its options. The dataclass is the one source of an option's name, type,
choices, default and documentation: Python keywords, the command line's ``--set name=value``, a stored run's
manifest and the tables of the documentation are all made from it.
"""

from __future__ import annotations

import abc
import dataclasses
import inspect
import typing
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pyxai.capture.needs import Needs
from pyxai.methods.options import Option, check_choices, options_of

if TYPE_CHECKING:
    from pyxai.capture.rows import FixedRows
    from pyxai.methods.request import Maps, Request

REGISTRY: dict[str, type[Method]] = {}
"""Name to class of every method that was imported; :func:`pyxai.methods.list_methods` imports them all."""


class Method(abc.ABC):
    """A method of explanation; its fields are its options.

    A subclass becomes a frozen dataclass by itself. One that sets ``name`` can be asked for by that name from
    then on; one that does not is a base that several methods share.

    Attributes:
        name: what ``pyxai.explain(method=…)`` takes.
        family: the group the method is documented under; the folder of a method that comes with the package.
        needs: what the method asks of the model, see :class:`pyxai.capture.needs.Needs`.
        per_channel: whether maps have the channels of the image, (N, C, H, W), or one channel, (N, 1, H, W).
        volumes: whether images may be volumes or clips, (N, C, T, H, W), whose maps have an axis T before H;
            else they are refused.
        of_layer: whether maps have the axes of an inner layer, (N, …), as long as no option makes pictures of
            them.
        has_unit_values: whether :meth:`unit_values` gives attributions of the units of one inner layer.
        single_output: what the one output per image of a model means that ends in no sigmoid, unless
            ``output_kind`` says it: a ``value``, or the logit of a ``binary`` decision.
        keep: what a run over a data set stores unless it is told: the ``heatmap``, summed over channels, or
            the whole ``attribution`` with what else the method has to tell.
        host: what happens to every image on the CPU, as "scikit-image finds the regions"; "" for methods that
            stay on the images' device.
    """

    name: ClassVar[str]
    family: ClassVar[str] = "third-party"
    needs: ClassVar[Needs] = Needs.GRADIENTS
    per_channel: ClassVar[bool] = True
    volumes: ClassVar[bool] = False
    of_layer: ClassVar[bool] = False
    has_unit_values: ClassVar[bool] = False
    single_output: ClassVar[Literal["value", "binary"]] = "value"
    keep: ClassVar[Literal["heatmap", "attribution"]] = "heatmap"
    host: ClassVar[str] = ""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        own = inspect.get_annotations(cls)
        for base in filter(dataclasses.is_dataclass, cls.__mro__[1:]):  # a default alone changes a default
            hints = typing.get_type_hints(base)
            inherited = [field.name for field in dataclasses.fields(base) if field.name in cls.__dict__]
            own |= {name: hints[name] for name in inherited if name not in own}
        cls.__annotations__ = own
        dataclasses.dataclass(frozen=True)(cls)
        if "name" in cls.__dict__:
            _check_options(cls)
            _register(cls)

    def __post_init__(self) -> None:
        check_choices(self)
        self.settle()

    def settle(self) -> None:  # noqa: B027  most methods have nothing to add
        """Check the options and fill in those that follow from others; called when a method is made.

        Raises:
            ValueError: an option that does not fit; the caller puts the method's name before the message.
        """

    def fill_in(self, values: Mapping[str, Any]) -> None:
        """Give each option that another one decides, as it is None or ``"variant"``, its value of these."""
        for name, value in values.items():
            if getattr(self, name) in (None, "variant"):
                object.__setattr__(self, name, value)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the inner layers that the method reads."""
        return ()

    @property
    def units(self) -> str:
        """Which units of an inner layer are explained in place of a class; "" where a class is."""
        return ""

    def scores_per_image(self, outputs: int) -> int:
        """How many scores of an image a target can be one of, for a model with so many outputs."""
        return outputs

    def evaluations_per_image(self) -> int:
        """Model calls for an image that are known before any is made; rows of a call are shared out by it."""
        return 1

    @abc.abstractmethod
    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        """The maps of the images asked for.

        Args:
            executor: the model in calls of a fixed number of rows, a
                :class:`pyxai.capture.executor.Executor`; for methods that need nothing of a model, a
                :class:`pyxai.capture.rows.FixedRows`, which knows the number of rows alone.
            request: the images, what is explained of them, and the ids that their noise goes by.
        """

    def unit_values(self, executor: FixedRows, request: Request) -> Maps:
        """What each unit of the inner layer counts for, T maps (N, …) with the axes of the layer.

        Args:
            executor, request: as of :meth:`attribute`.
        """
        raise ValueError(f"`method` must have values for each unit of a layer, got {self.name!r}")

    def report(self, executor: FixedRows, request: Request) -> Any:
        """What every layer did with the relevance, of methods that go by rules; see `Explainer.report`."""
        raise ValueError(f"`method` must go by rules of relevance, got {self.name!r}")

    @classmethod
    def summary(cls) -> str:
        """The first line of the method's documentation."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def options(cls) -> dict[str, Option]:
        """The options by name, in order."""
        return options_of(cls)


def _check_options(cls: type[Method]) -> None:
    """Raise a :class:`TypeError` for what would break later, for whoever lists the methods too."""
    try:
        options = cls.options()
    except NameError as error:
        raise TypeError(f"{cls.name}: the annotation of an option cannot be resolved: {error}") from error
    for field in dataclasses.fields(cls):
        if hasattr(Method, field.name) or field.name in Method.__annotations__:
            raise TypeError(f"{cls.name}: no option may be called `{field.name}`, which every method has")
        if field.name in options and options[field.name].default is dataclasses.MISSING:
            raise TypeError(f"{cls.name}: the option `{field.name}` must have a default")


def _register(cls: type[Method]) -> None:
    of_package = cls.__module__.startswith("pyxai.methods.")
    known = REGISTRY.get(cls.name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        places = f"{known.__module__}.{known.__qualname__} and {cls.__module__}.{cls.__qualname__}"
        if not of_package or known.__module__.startswith("pyxai.methods."):
            raise ValueError(f"two methods are called {cls.name!r}: {places}")
        warnings.warn(f"two methods are called {cls.name!r}, the package's is taken: {places}", stacklevel=2)
    if of_package:
        cls.family = cls.__module__.split(".")[2]
    elif "family" not in cls.__dict__:
        cls.family = Method.family
    REGISTRY[cls.name] = cls
