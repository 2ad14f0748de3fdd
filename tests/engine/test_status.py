"""The codes are part of the store's format: stores that are on disks hold these numbers."""

from pyxai.engine import status


def test_codes_never_change_and_each_has_a_meaning():
    codes = {name: value for name, value in vars(status).items() if name.isupper() and isinstance(value, int)}
    assert codes == {
        "PENDING": 0, "OK": 1, "UNREADABLE": 2, "WRONG_SIZE": 3, "NOT_FINITE": 4, "MODEL_FAILED": 5,
        "RESULT_NOT_FINITE": 6, "OUT_OF_REACH": 7,
    }  # fmt: skip
    assert list(status.MEANING) == list(range(8))
    assert len(set(status.MEANING.values())) == 8
