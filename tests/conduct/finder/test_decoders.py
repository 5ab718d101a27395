"""Every decoder finds what it is for, alone and below others; and nothing that is not there."""

from __future__ import annotations

import base64
import bz2
import codecs
import gzip
import hashlib
import io
import json
import lzma
import os
import quopri
import random
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise

import lz4.frame
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.conduct.canary.formats.sevenz import archive as sevenz
from overt.conduct.canary.formats.zipped import Member
from overt.conduct.finder.decoders.registry import BINARY, TEXT
from overt.conduct.finder.masks import ADD, ADDED_KEY_BYTES, KEY_BYTES, XOR
from tests.conduct.finder.known import bodies, canaries, content, examine, one, post, unread


def deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


def zipped(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)
    return target.getvalue()


def tarred(data: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        entry = tarfile.TarInfo("a")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def latin(data: bytes) -> str:
    return data.decode("latin-1")


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "http": ("http", lambda data: post(base64.b64encode(data), [700] * 99)),
    "gzip": ("gzip", gzip.compress),
    "gzip, cut": ("gzip", lambda data: gzip.compress(data)[:-900]),
    "zlib": ("zlib", lambda data: b"\0\1\2" + zlib.compress(data)),
    "deflate": ("deflate", deflate),
    "bzip2": ("bzip2", bz2.compress),
    "xz": ("xz", lzma.compress),
    "lzma": ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    "zstd": ("zstd", zstd.compress),
    "lz4": ("lz4", lz4.frame.compress),
    "zip": ("zip", zipped),
    "7z": ("archive", lambda data: b"some head" + sevenz([Member("a", data)])),
    "tar in gzip": ("gzip", lambda data: gzip.compress(tarred(data))),
    "utf-16": ("utf-16", lambda data: latin(data).encode("utf-16-le")),
    "utf-16 big": ("utf-16", lambda data: b"x" + latin(data).encode("utf-16-be")),
    "base64": ("base64", base64.b64encode),
    "base64, one off": ("base64", lambda data: base64.b64encode(b"x" + data)),
    "base64, two off": ("base64", lambda data: base64.b64encode(b"xy" + data)),
    "base64 in lines": ("base64", base64.encodebytes),
    "base64 for URLs": ("base64", base64.urlsafe_b64encode),
    "base64 in JSON": ("base64", lambda data: json.dumps({"b": base64.encodebytes(data).decode()}).encode()),
    "base32": ("base32", base64.b32encode),
    "base32, small": ("base32", lambda data: base64.b32encode(b"abc" + data).lower()),
    "base32hex": ("base32hex", base64.b32hexencode),
    "ascii85": ("base85", base64.a85encode),
    "base85": ("base85", base64.b85encode),
    "hex": ("hex", lambda data: data.hex().encode()),
    "hex, odd": ("hex", lambda data: b"a" + data.hex().encode()),
    "hex with colons": ("hex", lambda data: data.hex(":").encode()),
    "hex in capitals": ("hex", lambda data: data.hex().upper().encode()),
    "decimal list": ("decimal list", lambda data: json.dumps(list(data)).encode()),
    "signed list": ("decimal list", lambda data: str([x - 256 if x > 127 else x for x in data]).encode()),
    "octal list": ("octal list", lambda data: " ".join(f"{byte:03o}" for byte in data).encode()),
    "escapes' digits": ("octal list", lambda data: "".join(f"{byte:03o}" for byte in data).encode()),
    "bits": ("bits", lambda data: "".join(f"{byte:08b}" for byte in data).encode()),
    "groups of bits": ("bits", lambda data: " ".join(f"{byte:08b}" for byte in data).encode()),
    "nibbles": ("substitution", lambda data: bytes(byte >> 4 | byte << 4 & 0xF0 for byte in data)),
    "bits backwards": ("substitution", lambda data: bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)),
    "EBCDIC": ("substitution", lambda data: latin(data).encode("cp500")),
    "EBCDIC, US": ("substitution", lambda data: latin(data).encode("cp037")),
    "differences": ("differences", lambda data: bytes((b - a) % 256 for a, b in pairwise(b"\0" + data))),
    "url": ("url", lambda data: urllib.parse.quote_from_bytes(data, safe="").encode()),
    "quoted-printable": ("quoted-printable", quopri.encodestring),
    "escapes": ("escapes", lambda data: json.dumps(latin(data)).encode()),
    "\\x": ("escapes", lambda data: "".join(f"\\x{byte:02x}" for byte in data).encode()),
    "html": ("html", lambda data: "".join(f"&#{byte};" for byte in data).encode()),
    "uuencode": ("uuencode", lambda data: codecs.encode(data, "uu")),
    "rot13": ("rot13", lambda data: codecs.encode(latin(base64.b64encode(data)), "rot13").encode()),
    "reversed": ("reversed", lambda data: base64.b64encode(data)[::-1]),
    "reversed bytes": ("reversed", lambda data: data[::-1]),
    "rot13 of bytes": ("rot13", lambda data: codecs.encode(latin(data), "rot13").encode("latin-1")),
    "capitals": ("case", bytes.upper),
}
"""The name in a route → what it undoes."""
NESTED: dict[str, Callable[[bytes], bytes]] = {
    "base64 of gzip": lambda data: base64.b64encode(gzip.compress(data)),
    "gzip of base64": lambda data: gzip.compress(base64.b64encode(data)),
    "hex of xz of base64": lambda data: lzma.compress(base64.b64encode(data)).hex().encode(),
    "zip in zip in base64": lambda data: base64.b64encode(zipped(zipped(data))),
    "xor of zip": lambda data: XOR.undone(zipped(data), b"\x5a"),
    "xor of gzip": lambda data: XOR.undone(gzip.compress(data), b"\xa7"),
    "base64 of xor of zip": lambda data: base64.b64encode(XOR.undone(zipped(data), b"key")),
    "sum of zip": lambda data: ADD.undone(zipped(data), b"\x9d"),
    "base64 of sum of gzip": lambda data: base64.b64encode(ADD.undone(gzip.compress(data), b"\x07")),
    "sum of base64": lambda data: ADD.undone(base64.b64encode(data), b"\x80"),
    "xor of base64": lambda data: XOR.undone(base64.b64encode(data), b"\x95"),
    "URL of base64": lambda data: urllib.parse.quote(base64.b64encode(data), safe="").encode(),
    "JSON with gzip in base64, chunked": lambda data: post(
        json.dumps({"f": base64.b64encode(gzip.compress(data)).decode()}).encode(), [333] * 50
    ),
    "backwards hex": lambda data: data.hex()[::-1].encode(),
}


@pytest.mark.parametrize("form", ["text", "docx", "png"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_a_file_is_found_in_every_encoding(name: str, form: str) -> None:
    route, encode = ENCODINGS[name]
    item = one(form)
    hits = content(encode(item.data), item)
    assert hits and any(route in hit.route or not hit.route for hit in hits), hits
    if route not in ("case", "rot13", "reversed") and name != "gzip, cut":
        assert hits[0].length > len(item.data) // 2


@pytest.mark.parametrize("form", ["text", "docx"])
@pytest.mark.parametrize("name", NESTED)
def test_a_file_is_found_below_several_encodings(name: str, form: str) -> None:
    item = one(form)
    assert content(NESTED[name](item.data), item)


def test_every_decoder_has_a_fixture() -> None:
    tested_elsewhere = {"dns", "hello"}  # in test_unread.py: they hold names, and no file
    assert {decoder.name for decoder in (*BINARY, *TEXT)} - tested_elsewhere <= {
        route for route, _ in ENCODINGS.values()
    }


@pytest.mark.parametrize("form", sorted({item.format for item in canaries() if item.pair}))
def test_every_format_is_found_whole_as_it_is(form: str) -> None:
    item = one(form)
    (hit, *_) = content(b"before" + item.data + b"after", item)
    assert (hit.length, hit.route) == (len(item.data), ())
    assert 6 <= hit.offset < 6 + len(item.data)


@pytest.mark.parametrize("form", ["docx", "pdf", "png", "zip", "text", "7z"])
def test_a_slice_of_three_kilobytes_is_found_and_its_length_told(form: str) -> None:
    item = one(form)
    chance = random.Random(4)
    for start in range(0, len(item.data) - 3_072, 1_024):
        around = chance.randbytes(50)
        (hit, *_) = content(around + item.data[start : start + 3_072] + around, item)
        assert 3_072 <= hit.length <= 3_074  # a random neighbour may agree


@given(st.sampled_from(KEY_BYTES), st.integers(0, 999), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_repeating_keys_of_all_lengths_are_undone(length: int, before: int, chance: random.Random) -> None:
    item = one("docx")
    key = chance.randbytes(length)
    if any(key):
        (hit, *_) = content(chance.randbytes(before) + XOR.undone(item.data, key), item)
        assert hit.length == len(item.data)


@given(st.sampled_from((1, 2, *ADDED_KEY_BYTES)), st.integers(0, 999), st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_keys_that_are_added_are_undone(length: int, before: int, chance: random.Random) -> None:
    item = one("docx")
    key = chance.randbytes(length)
    if any(key):
        hidden = bytes((byte + key[at % length]) % 256 for at, byte in enumerate(item.data))
        (hit, *_) = content(chance.randbytes(before) + hidden, item)
        assert hit.length == len(item.data) and hit.route[0].startswith("add")


def test_a_token_alone_in_text_is_found_below_a_key() -> None:
    item = one("text")
    text = b"The reference is " + item.token.encode() + b", and there is no more of it."
    assert content(XOR.undone(text, b"secretkey!"), item)


def test_names_paths_and_digests_are_told_apart() -> None:
    item = one("pdf")
    stem = item.path.rsplit("/", 1)[1].split(".")[0]
    seen = {hit.form for hit in examine(f"scanned {stem}".encode()).hits}
    assert seen == {"name"}
    assert {hit.form for hit in examine(f'{{"p":"/home/{item.path}"}}'.encode()).hits} == {"name", "path"}
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(algorithm, item.data).digest()
        for written in (
            digest,
            digest.hex().encode(),
            digest.hex().upper().encode(),
            base64.b64encode(digest),
        ):
            hits = examine(b"x=" + written + b"&y").hits
            assert {(hit.form, hit.canary) for hit in hits} == {("digest", item.number)}
            assert all(hit.matched.startswith(algorithm) for hit in hits)


def test_tokens_in_mixed_case_are_found() -> None:
    item = one("mail")
    mixed = "".join(char.upper() if place % 2 else char for place, char in enumerate(item.token))
    assert content(mixed.encode(), item)[0].route == ("case",)


def test_the_test_file_alone_is_told_from_an_archive_that_holds_it() -> None:
    (bare,) = (item for item in canaries() if item.format == "eicar")
    assert [hit.matched for hit in examine(b"found: " + bare.data).hits if hit.form == "content"] == [
        "test file"
    ]
    packed = next(item for item in canaries() if item.detected and item.format == "zip")
    assert {hit.canary for hit in examine(packed.data).hits} == {packed.number}


def test_random_bytes_and_other_peoples_files_hold_nothing() -> None:
    assert examine(random.Random(1).randbytes(4 << 20)).hits == ()
    for data in (base64.b64encode(random.Random(2).randbytes(1 << 20)), os.__file__.encode() * 1000):
        assert examine(data).hits == ()


def test_what_is_encrypted_counts_as_opaque_and_what_is_read_does_not() -> None:
    secret = random.Random(3).randbytes(100_000)
    assert unread(secret) == len(secret)
    assert unread(base64.b64encode(secret)) == len(secret)
    assert unread(gzip.compress(b"harmless text, again and again. " * 9_999)) == 0
    item = one("png")
    assert unread(item.data) == 0
    assert unread(base64.b64encode(gzip.compress(item.data))) < 2_000


BOMBS = {
    "gzip": lambda: gzip.compress(bytes(300 << 20)),
    "nested gzip": lambda: gzip.compress(gzip.compress(gzip.compress(bytes(200 << 20)))),
    "bzip2": lambda: bz2.compress(bytes(200 << 20)),
    "quines of base64": lambda: _again(base64.b64encode, b"x" * 99, 30),
    "zeros": lambda: bytes(8 << 20),
    "letters": lambda: b"A" * (4 << 20),
    "magics": lambda: b"\x1f\x8b\x08\x00" * 300_000,
    "zip heads": lambda: b"PK\x03\x04" * 200_000,
    "tokens": lambda: one("text").token.encode() * 50_000,
    "escapes": lambda: b"%41=41\\x41&#65;" * 100_000,
}


def _again(encode: Callable[[bytes], bytes], data: bytes, times: int) -> bytes:
    for _ in range(times):
        data = encode(data)
    return data


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_hostile_bytes_end(name: str) -> None:
    assert examine(BOMBS[name]()).left is not None


@pytest.mark.slow
def test_damaged_encodings_raise_nothing() -> None:
    chance = random.Random(5)
    for name, (_, encode) in ENCODINGS.items():
        data = bytearray(encode(one("text").data))
        for _ in range(4):
            for _ in range(20):
                data[chance.randrange(len(data))] = chance.randrange(256)
            found = {hit.canary for hit in examine(bytes(data[: chance.randrange(len(data))])).hits}
            assert found <= {one("text").number}, name


def test_bodies_are_those_of_the_plan() -> None:
    assert all(bodies()[item.number][0] == item.data for item in canaries() if item.number)
