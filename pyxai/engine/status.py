"""The codes of a store's ``status`` array. They are part of the store's format and never change meaning."""

from __future__ import annotations

PENDING = 0  # not done yet; also the fill value of chunks not written
OK = 1
UNREADABLE = 2  # corrupt, truncated, or of a kind that has no defined conversion
WRONG_SIZE = 3  # readable, but not of the run's shape
NOT_FINITE = 4  # NaN or infinity in the input
MODEL_FAILED = 5  # the model or the method raised on this image alone
RESULT_NOT_FINITE = 6  # NaN or infinity in the explanation; the values are stored as they came out
OUT_OF_REACH = (
    7  # the system did not give the picture: gone, no permission, a broken disk; done again on resume
)

MEANING = {
    PENDING: "pending",
    OK: "ok",
    UNREADABLE: "unreadable",
    WRONG_SIZE: "wrong size",
    NOT_FINITE: "input not finite",
    MODEL_FAILED: "model failed",
    RESULT_NOT_FINITE: "result not finite",
    OUT_OF_REACH: "out of reach",
}
