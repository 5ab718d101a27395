"""Small pieces are looked at together, and nothing of what one of them holds is passed over for that."""

from __future__ import annotations

import base64
import gzip
import random

import pytest

from overt.conduct.finder.blob import Blob
from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.letters import ROT13
from overt.conduct.finder.reckoning import Reading
from overt.conduct.finder.small import LOOKED_AT, Small, telling
from tests.conduct.finder.known import content, examiner, one


@pytest.mark.parametrize("name", ["reversed", "rot13"])
def test_tokens_in_mixed_case_are_found_backwards_too(name: str) -> None:
    item = one("mail")
    mixed = "".join(char.upper() if place % 2 else char for place, char in enumerate(item.token)).encode()
    turned = mixed[::-1] if name == "reversed" else mixed.translate(ROT13)
    (hit,) = content(b"Q7" * 10 + turned + b"7Q" * 10, item)
    assert hit.route == (name, "case") and hit.length == len(item.token)


@pytest.mark.parametrize("size", [100, 5_000])
def test_what_was_a_poor_guess_is_looked_into_where_it_is_sure(size: int) -> None:
    item, noise = one("text"), random.Random(3).randbytes(size)
    held = noise + gzip.compress(item.data[:900])
    hits = content(base64.b32encode(held) + b"\0" + gzip.compress(gzip.compress(held)), item)
    assert hits and hits[0].route == ("gzip", "gzip", "gzip")


def test_each_of_many_pieces_is_told_by_what_it_holds() -> None:
    chance, token = random.Random(4), one("text").token.encode()
    blob = Blob(Reading(b""), (), 0, Trust.SOUND, True)
    held = {7: token, LOOKED_AT - 1: token, LOOKED_AT: b"a text that begins like one and is long"}
    data = [b"\0" + chance.randbytes(60) for _ in range(LOOKED_AT + 9)]
    for number, what in held.items():
        data[number] = what if what != token else data[number] + token
    small = [Small(blob, "hex", Piece(0, 1, piece, Trust.GUESS), 0) for piece in data]
    small[3] = small[3]._replace(piece=Piece(0, 1, data[3], Trust.SOUND))
    found = [number for number, tells in enumerate(telling(small, examiner()._needles, 1 << 20)) if tells]
    assert found == [3, *held]
