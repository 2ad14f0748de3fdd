"""Whatever a decoder raises is one reason."""

import pytest
from PIL import UnidentifiedImageError

from pyxai.engine.data.reasons import reasons
from pyxai.engine.errors import RowError
from pyxai.engine.status import NOT_FINITE, OUT_OF_REACH, UNREADABLE


@pytest.mark.parametrize(
    "error, status, reason",
    [
        (RowError(NOT_FINITE, "NaN"), NOT_FINITE, "a: NaN"),
        (UnidentifiedImageError("<at 0x7f>"), UNREADABLE, "a: not a picture, or a damaged header"),
        (ValueError("two\nlines"), UNREADABLE, "a: ValueError: two lines"),
        (OSError("truncated"), UNREADABLE, "a: OSError: truncated"),
        (PermissionError(13, "no"), OUT_OF_REACH, "a: PermissionError: [Errno 13] no"),
        (MemoryError("none"), OUT_OF_REACH, "a: MemoryError: none"),
    ],
)
def test_reasons(error, status, reason):
    with pytest.raises(RowError) as caught, reasons("a: "):
        raise error
    assert (caught.value.status, caught.value.reason) == (status, reason)
    with reasons():
        pass
