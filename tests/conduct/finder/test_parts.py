"""What is sent in parts is found as what is sent whole; what one part holds is not looked for again in all of them."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overt.conduct.evidence.conclusions import Sighting
from overt.conduct.finder import masks, substitution
from overt.conduct.finder.examine import _Search
from overt.conduct.finder.limits import Limits
from overt.conduct.finder.parts import REACH_BYTES, Part, Parts
from overt.conduct.finder.search import find
from tests.conduct.finder.known import Lab, bodies, examiner, one, post

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
    parts = [Part(sent[at : at + size], alone=True) for at in range(0, len(sent), size)]
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
    parts = [Part(base64.b64encode(text) + b"\n\n", alone=True) for text in texts]
    examiner().examine_joined(parts)
    assert admitted == [()]
    examiner().examine(parts[0].data)
    assert ("base64",) in admitted


@pytest.mark.parametrize("write", [base64.b64encode, masked, substituted])
def test_what_was_not_examined_alone_is_examined_here(
    tmp_path: Path, write: Callable[[bytes], bytes]
) -> None:
    """In all windows of a long connection but the first, requests in chunks are none."""
    lab, limits = Lab(tmp_path), replace(Limits(), window_bytes=1 << 15, overlap_bytes=1 << 10)
    item = one("text")
    before = [post(b"nothing of interest\n" * 100) for _ in range(20)]
    lab.flow(post(b"nothing more"))
    lab.flow(b"".join([*before, post(write(item.data[:12_000]), chunks=[5] * 10_000)]))
    run = lab.written()
    find(run, limits, bodies())
    found = [seen for seen in run.read(Sighting) if seen.form == "content"]
    assert {seen.canary for seen in found} == {item.number}
    assert max(seen.length for seen in found) > 6_000


def test_a_part_that_was_not_examined_alone_is_looked_into() -> None:
    parts = Parts([Part(bytes(10), True), Part(bytes(100), False), Part(bytes(10), True)])
    assert parts.one_holds(0, 10) and parts.one_holds(112, 120)
    assert not parts.one_holds(12, 20) and not parts.one_holds(5, 15)


def test_seams_are_seen_from_as_far_as_anything_is_sought_below_masks() -> None:
    masked = max(known.reach_bytes for known in examiner()._masks._known)
    assert masked >= masks.WINDOW_BYTES + max(masks.KEY_BYTES)
    assert max(masked, substitution.WINDOW_BYTES + len(substitution.DISTANCES)) <= REACH_BYTES


def test_news() -> None:
    parts = Parts([Part(bytes(size), True) for size in (1_000, 50, 1_000)])
    assert parts.news(0, 2_050) == [(1_000 - REACH_BYTES, 1_050 + REACH_BYTES)]
    assert parts.news(0, 1_000) == []
    assert parts.news(990, 1_020) == [(990, 1_020)]
    assert parts.news(1_100, 2_050) == []
    alone = [Part(bytes(1_000), True), Part(bytes(1_000), False), Part(bytes(1_000), True)]
    assert Parts(alone).news(0, 3_000) == [(1_000 - REACH_BYTES, 2_000 + REACH_BYTES)]
    assert Parts(alone).news(1_200, 1_300) == [(1_200, 1_300)]
    assert Parts(alone).news(2_000, 3_000) == [] and Parts(alone[1:]).news(0, 10) == [(0, 10)]


def test_parts_of_a_stream_that_are_read_alone_leave_what_they_leave() -> None:
    """A body's unread bytes are counted once, wherever it is."""
    body = random.Random(7).randbytes(5_000)
    request = b"POST /up HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + body
    left = examiner().examine(request * 2).left
    assert 2 * len(body) <= sum(left.counts.values()) <= 2 * len(request)
