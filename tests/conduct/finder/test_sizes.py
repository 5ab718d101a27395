"""Sizes of planted files: told where they are too many for chance, in every notation; never where they are chance."""

from __future__ import annotations

import json
import random
import struct
import urllib.parse
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from overt.conduct.canary.plan import plan
from overt.conduct.evidence.conclusions import Sighting
from overt.conduct.evidence.records import Arm
from overt.conduct.finder.examine import Examiner
from overt.conduct.finder.limits import Limits
from overt.conduct.finder.needles import Needles
from overt.conduct.finder.search import find
from overt.conduct.finder.sizes import Sizes, by_chance, told
from tests.conduct.finder.known import Lab, bodies, canaries, examiner, post

SENT = 6
NO_BODIES: dict[int, tuple[bytes, ...]] = {}


def varint(number: int) -> bytes:
    """LEB128."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


NOTATIONS: dict[str, Callable[[Sequence[int]], bytes]] = {
    "JSON": lambda sizes: json.dumps([{"size": size, "n": at} for at, size in enumerate(sizes)]).encode(),
    "CSV": lambda sizes: "\r\n".join(f"{at},{size},ok" for at, size in enumerate(sizes)).encode(),
    "a form": lambda sizes: urllib.parse.urlencode({"sizes": ",".join(map(str, sizes))}).encode(),
    "padded": lambda sizes: b" ".join(b"%012d" % size for size in sizes),
    "hex": lambda sizes: " ".join(f"{size:x}" for size in sizes).encode(),
    "0X hex": lambda sizes: ",".join(f"0x{size:08X}" for size in sizes).encode(),
    "little-endian, 4 bytes": lambda sizes: b"x" + struct.pack(f"<{len(sizes)}I", *sizes),
    "little-endian, 8 bytes": lambda sizes: struct.pack(f"<{len(sizes)}Q", *sizes),
    "big-endian, 4 bytes": lambda sizes: b"xyz" + struct.pack(f">{len(sizes)}I", *sizes),
    "big-endian, 8 bytes": lambda sizes: struct.pack(f">{len(sizes)}Q", *sizes),
    "varint": lambda sizes: b"".join(b"\x08" + varint(size) for size in sizes),
}


def chosen(count: int = SENT) -> dict[int, int]:
    """Sizes that are sought, of so many canaries."""
    planted = examiner().sizes.planted
    return {size: planted[size] for size in random.Random(3).sample(sorted(planted), count)}


def seen(lab: Lab, form: str = "size") -> list[Sighting]:
    run = lab.written()
    find(run, bodies=bodies())
    return [one for one in run.read(Sighting) if one.form == form]


@pytest.mark.kernel
@pytest.mark.parametrize("notation", NOTATIONS)
def test_sizes_in_one_request_are_told_in_every_notation(notation: str, tmp_path: Path) -> None:
    lab, sizes = Lab(tmp_path), chosen()
    lab.flow(post(b'{"version": 23117, "build": 51423, "took": 8841}'), name="other.example")
    lab.flow(post(NOTATIONS[notation](list(sizes))))
    found = seen(lab)
    assert {one.canary for one in found} == set(sizes.values()) and {one.flows for one in found} == {(2,)}
    assert all("planted sizes and 0 of" in one.matched for one in found)


@pytest.mark.kernel
def test_sizes_sent_one_by_one_are_told_and_so_are_those_of_what_is_encrypted(tmp_path: Path) -> None:
    lab, sizes, chance = Lab(tmp_path), chosen(), random.Random(6)
    for size in sizes:
        lab.flow(post(b"s=%d" % size), name="one.example")
        lab.flow(post(chance.randbytes(size)), name="encrypted.example")
    found = {(one.flow or 0) % 2: set() for one in seen(lab)}  # type: ignore[var-annotated]
    for one in seen(lab):
        found[(one.flow or 0) % 2].add(one.canary)
    assert found == {1: set(sizes.values()), 0: set(sizes.values())}


@pytest.mark.kernel
def test_the_size_of_a_file_whose_content_left_is_no_news(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for item in [one for one in canaries() if one.pair][:8]:
        lab.flow(post(item.data))
    assert seen(lab) == [] and len(seen(lab, "content")) >= 8


def test_numbers_that_know_nothing_of_the_files_are_no_sizes() -> None:
    """Logs of numbers of all lengths, for twenty plans."""
    chance = random.Random(5)
    for seed in range(20):
        item = [one.record() for one in plan(Arm.MIXED, seed, 8, secrets=False) if one.number is not None]
        sizes = Sizes(item)
        for _ in range(20):
            text = " ".join(str(int(10 ** chance.uniform(3, 6))) for _ in range(chance.randrange(2, 9_000)))
            numbers = {size for _, size, _ in sizes.seen(text.encode())}
            assert not list(told(sizes, {("x", "decimal"): numbers}, set()))


def test_two_sizes_alone_are_told_to_one_place_and_one_is_not() -> None:
    sizes = examiner().sizes
    two = sorted(sizes.planted)[:2]
    assert not list(told(sizes, {("x", "decimal"): set(two[:1])}, set()))
    assert {one.size for one in told(sizes, {("x", "decimal"): set(two)}, set())} == set(two)
    many = {(str(place), "decimal"): set(two) for place in range(100)}
    assert not list(told(sizes, many, set()))


@pytest.mark.parametrize("drawn", range(1, 6))
def test_the_chance_is_that_of_drawing_so_many(drawn: int) -> None:
    planted, others = 3, 4
    draws = list(combinations(range(planted + others), drawn))
    for hits in range(max(0, drawn - others), min(planted, drawn) + 1):
        as_many = sum(sum(one < planted for one in draw) >= hits for draw in draws)
        assert by_chance(hits, planted, drawn - hits, others) == pytest.approx(as_many / len(draws))


def test_most_documents_have_a_size_of_their_own_and_others_are_like_it() -> None:
    records = [one.record() for one in plan(Arm.MIXED, 9) if one.number is not None]
    sizes = Sizes(records)
    assert len(sizes.planted) >= 0.7 * sum(one.pair is not None for one in records)
    assert len(sizes.others) >= 150 * len(sizes.planted) and not sizes.others & {one.size for one in records}
    assert Sizes(records).others == sizes.others


def test_evidence_with_any_canaries_is_answered_at_once() -> None:
    """A report may come from anybody: sizes of no file, or ten thousand of them."""
    known = next(one for one in canaries() if one.pair).record()
    for size in (-1, 0, 1 << 60):
        assert not Sizes([msgspec.structs.replace(known, size=size)]).planted
    many = [msgspec.structs.replace(known, number=at, size=5_001 + at) for at in range(10_000)]
    assert Sizes(many).planted
    assert Examiner(Needles([], NO_BODIES), Limits()).examine(b"1234 5678").numbers == ()


@pytest.mark.parametrize("length", range(10))
def test_pieces_shorter_than_a_number_are_read_too(length: int) -> None:
    assert list(examiner().sizes.seen(b"\xff" * length)) == []
