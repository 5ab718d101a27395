"""What is sent in parts is found as what is sent whole; what one part holds is not looked for again in all of them."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Callable

import pytest

from overt.conduct.finder.examine import _Search
from overt.conduct.finder.parts import REACH_BYTES, Parts
from tests.conduct.finder.known import examiner, one

KEY = bytes(random.Random(5).sample(range(1, 256), 12))


def masked(data: bytes) -> bytes:
    return bytes(byte ^ KEY[at % len(KEY)] for at, byte in enumerate(data))


def substituted(data: bytes) -> bytes:
    return data.translate(bytes(random.Random(6).sample(range(256), 256)))


@pytest.mark.parametrize("size", [7, 40, 1_000])
@pytest.mark.parametrize("write", [bytes, gzip.compress, base64.b64encode, masked, substituted])
def test_what_is_sent_in_parts_is_found(write: Callable[[bytes], bytes], size: int) -> None:
    item = one("text")
    sent = write(item.data)
    parts = [sent[at : at + size] for at in range(0, len(sent), size)]
    hits = examiner().examine_joined(parts).hits
    assert {hit.canary for hit in hits if hit.form == "content"} == {item.number}
    assert max(hit.length for hit in hits) > len(item.data) // 2


def test_what_one_part_holds_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was, when that was examined alone."""
    admitted = []
    admit = _Search._admit
    monkeypatch.setattr(
        _Search, "_admit", lambda search, blob: (admitted.append(blob.route), admit(search, blob))
    )
    texts = [
        f"{number} of {number + 1} green bottles stand on the wall\n".encode() * 9 for number in range(50)
    ]
    parts = [base64.b64encode(text) + b"\n\n" for text in texts]
    examiner().examine_joined(parts)
    assert admitted == [()]
    examiner().examine(parts[0])
    assert ("base64",) in admitted


def test_a_part_too_large_to_be_examined_at_once_is_looked_into() -> None:
    parts = Parts([bytes(10), bytes(100), bytes(10)], largest=50)
    assert parts.one_holds(0, 10) and parts.one_holds(112, 120)
    assert not parts.one_holds(12, 20) and not parts.one_holds(5, 15)


def test_around_seams() -> None:
    parts = Parts([bytes(1_000), bytes(50), bytes(1_000)], largest=1 << 20)
    assert parts.around_seams(0, 2_050) == [(1_000 - REACH_BYTES, 1_050 + REACH_BYTES)]
    assert parts.around_seams(0, 1_000) == []
    assert parts.around_seams(990, 1_020) == [(990, 1_020)]
    assert parts.around_seams(1_100, 2_050) == []


def test_parts_of_a_stream_that_are_read_alone_leave_what_they_leave() -> None:
    """A body's unread bytes are counted once, wherever it is."""
    body = random.Random(7).randbytes(5_000)
    request = b"POST /up HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + body
    left = examiner().examine(request * 2).left
    assert 2 * len(body) <= sum(left.counts.values()) <= 2 * len(request)
