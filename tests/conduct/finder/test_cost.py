"""What is read only in part explains no more than that part."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest

from overt.conduct.canary.texts import SENTENCES
from overt.conduct.finder.rewriting import MAX_BYTES, rewritten
from tests.conduct.finder.known import unread

TEXT = " ".join(SENTENCES["en"]).encode()


@pytest.mark.parametrize("write", [base64.b64encode, lambda data: data.hex().encode()])
def test_what_is_read_backwards_is_only_its_end(write: Callable[[bytes], bytes]) -> None:
    assert unread(write(random.Random(8).randbytes(1 << 20))) >= 1 << 20


def test_what_is_rewritten_is_only_its_beginning() -> None:
    turned = bytes(byte >> 4 | byte << 4 & 0xF0 for byte in TEXT) * (MAX_BYTES // len(TEXT) + 1)
    piece = dict(rewritten(turned + bytes(range(256))))["nibbles"]
    assert (piece.start, piece.end, len(piece.data)) == (0, MAX_BYTES, MAX_BYTES)
