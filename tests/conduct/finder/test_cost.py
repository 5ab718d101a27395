"""What is read only in part explains no more than that part; and what is unread is reckoned in time that grows as its
size does."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Callable, Iterator

import pytest

from overt.conduct.canary.texts import SENTENCES
from overt.conduct.finder import examine, reckoning
from overt.conduct.finder.decoders.base import Decoder, Piece
from overt.conduct.finder.decoders.registry import BINARY
from overt.conduct.finder.readable import Unread
from overt.conduct.finder.reckoning import Decoded, Reading
from overt.conduct.finder.rewriting import MAX_BYTES, rewritten
from tests.conduct.finder.known import examiner, unread

TEXT = " ".join(SENTENCES["en"]).encode()


@pytest.mark.parametrize("write", [base64.b64encode, lambda data: data.hex().encode()])
def test_what_is_read_backwards_is_only_its_end(write: Callable[[bytes], bytes]) -> None:
    assert unread(write(random.Random(8).randbytes(1 << 20))) >= 1 << 20


def test_what_is_rewritten_is_only_its_beginning() -> None:
    turned = bytes(byte >> 4 | byte << 4 & 0xF0 for byte in TEXT) * (MAX_BYTES // len(TEXT) + 1)
    piece = dict(rewritten(turned + bytes(range(256))))["nibbles"]
    assert (piece.start, piece.end, len(piece.data)) == (0, MAX_BYTES, MAX_BYTES)


def test_what_is_within_a_stretch_that_was_read_is_not_reckoned_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a large upload takes time by the square of its size."""
    cuts = 0

    def counting(one: Unread, low: int, high: int) -> Iterator[Unread]:
        nonlocal cuts
        cuts += 1
        return cut(one, low, high)

    cut = reckoning._cut
    monkeypatch.setattr(reckoning, "_cut", counting)
    chance, many = random.Random(10), 400
    lines = [chance.randbytes(60).hex().encode() for _ in range(many)]
    whole = Reading(b"\n".join(lines) + b"\n" + bytes(range(32)))
    whole.decoded.append(Decoded(0, len(whole.data), "whole", True, Reading(b"\n".join(lines))))
    turned = (
        Decoded(121 * at, 121 * at + 120, "turned", False, Reading(lines[at][::-1])) for at in range(many)
    )
    whole.decoded += turned
    assert sum(len(one.content) for one in whole.left()) >= 120 * many
    assert cuts <= 4 * many


def test_one_byte_again_and_again_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what the cheapest bombs hold."""
    looked_into = []

    def seeing(data: bytes, limit: int) -> Iterator[Piece]:
        looked_into.append(data)
        return iter(())

    monkeypatch.setattr(examine, "BINARY", (*BINARY, Decoder("seeing", seeing)))
    bomb = gzip.compress(bytes(1 << 20))
    for data in (b"a" * 100_000, bomb):
        assert examiner().examine(data).cut == ""
    assert looked_into == [bomb]
