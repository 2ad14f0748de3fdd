"""Sample ids, and the hash by which a store knows its images again."""

import hashlib

import numpy as np
import pytest

from pyxai.engine import InputError
from pyxai.engine.data.ids import listing_hash, sample_ids


def test_ids_are_signed_hashes_of_the_paths_and_do_not_depend_on_the_others():
    digest = hashlib.blake2b(b"a/b.png", digest_size=8).digest()
    assert sample_ids(["a/b.png"]).tolist() == [int.from_bytes(digest, "little", signed=True)]
    names = [f"{k}.png" for k in range(1000)]
    ids = sample_ids(names)
    assert ids.dtype == np.int64
    assert (ids < 0).any()
    assert (ids > 0).any()
    assert sample_ids(names[500:])[0] == ids[500]
    with pytest.raises(InputError, match="same sample id"):
        sample_ids(["a", "b", "a"])


def test_a_listing_is_known_by_its_names_their_order_and_the_stamps():
    first = listing_hash(["a", "b"], ["1"])
    assert first == listing_hash(["a", "b"], iter(["1"]))
    others = [(["b", "a"], ["1"]), (["ab"], ["1"]), (["a", "b"], ["2"]), (["a", "b"], [])]
    hashes = {listing_hash(*other) for other in others}
    assert len(hashes) == len(others)
    assert first not in hashes
