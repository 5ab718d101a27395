"""Substitutions of bytes are undone by what is known of the text below them; nothing else is taken for one."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.conduct.finder.examine import Hit
from overt.conduct.finder.substitution import Substitutions, likeness
from tests.conduct.finder.known import bodies, canaries, content, one

FORMATS = sorted({item.format for item in canaries() if item.pair})
STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def shuffled(alphabet: bytes, seed: int) -> bytes:
    """A table that puts another in the place of each of these."""
    letters = list(alphabet)
    random.Random(seed).shuffle(letters)
    return bytes.maketrans(alphabet, bytes(letters))


def undone(hits: list[Hit]) -> list[Hit]:
    return [hit for hit in hits if "substitution" in hit.route]


@pytest.mark.parametrize("form", FORMATS)
def test_any_table_is_undone_in_every_format(form: str) -> None:
    item = one(form)
    hits = undone(content(b"before\0" + item.data.translate(shuffled(bytes(range(256)), 1)), item))
    assert hits and hits[0].length > 0.9 * len(item.data)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("before", [b"", b"x", b"xy"])
def test_base64_in_an_alphabet_of_ones_own_is_read(form: str, before: bytes) -> None:
    item = one(form)
    written = base64.b64encode(before + item.data).translate(shuffled(STANDARD, 2))
    for sent in (written, b'{"d":"' + written + b'"}'):
        assert any("base64" in hit.route for hit in undone(content(sent, item)))


def test_bits_and_halves_of_bytes_that_are_turned_are_undone() -> None:
    item = one("jpeg")
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    halves = bytes(byte >> 4 | byte << 4 & 0xF0 for byte in range(256))
    affine = bytes((byte * 77 + 5) % 256 for byte in range(256))
    for table in (turned, halves, affine):
        assert undone(content(item.data.translate(table), item))[0].length == len(item.data)


def test_masks_keep_their_own_names_and_what_is_not_hidden_is_not_undone() -> None:
    item = one("docx")
    for data in (
        item.data,
        bytes(byte ^ 0x5A for byte in item.data),
        bytes((byte + 7) % 256 for byte in item.data),
    ):
        hits = content(data, item)
        assert hits[0].length == len(item.data) and not undone(hits)


def test_what_is_not_one_to_one_is_none() -> None:
    for form in ("jpeg", "png", "7z"):
        item = one(form)
        assert not list(Substitutions(bodies()).pieces(bytes(byte & 0xFE for byte in item.data)))


def test_chance_and_other_peoples_files_hold_none() -> None:
    pieces = Substitutions(bodies()).pieces
    assert not list(pieces(random.Random(3).randbytes(8 << 20)))
    for path in sorted(Path(pytest.__file__).parent.rglob("*.py")):
        assert not list(pieces(path.read_bytes()))


@given(st.binary(min_size=9, max_size=300))
@settings(max_examples=60)
def test_likeness_tells_which_bytes_come_again(data: bytes) -> None:
    wanted = [
        sum((data[at] == data[at + distance]) << distance - 1 for distance in range(1, 9))
        for at in range(len(data) - 8)
    ]
    assert likeness(data) == bytes(wanted)


@pytest.mark.parametrize("size", [0, 1, 7, 8])
def test_of_too_few_bytes_nothing_is_said(size: int) -> None:
    assert likeness(bytes(size)) == b"" and not list(Substitutions(bodies()).pieces(bytes(size)))
