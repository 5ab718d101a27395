"""One value, one encoding: RFC 8785 without fractions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.canonical import MAX_DEPTH, MAX_INTEGER, NotCanonical, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


@given(VALUES)
def test_round_trip(value: Any) -> None:
    data = encode(value)
    assert decode(data) == value
    assert json.loads(data) == value
    assert b"\n" not in data


@given(st.dictionaries(TEXT, SCALARS), st.randoms())
def test_order_of_members_is_no_matter(value: dict[str, Any], random: Any) -> None:
    members = list(value.items())
    random.shuffle(members)
    assert encode(dict(members)) == encode(value)


@given(VALUES, st.data())
def test_changed_bytes_are_refused_or_another_value(value: Any, data: Any) -> None:
    encoded = bytearray(encode(value))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode(bytes(encoded))
    except NotCanonical:
        return
    assert repr(changed) != repr(value)
    assert encode(changed) == bytes(encoded)


@given(st.binary(max_size=40))
def test_any_bytes_are_refused_or_come_back(data: bytes) -> None:
    try:
        value = decode(data)
    except NotCanonical:
        return
    assert encode(value) == data


def test_the_example_of_the_specification() -> None:
    """RFC 8785, 3.2.3: members by UTF-16 code units."""
    names = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(decode(encode(names))) == ordered


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"+5",
        b"-0",
        b"01",
        b"1.0",
        b"1e2",
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u001F"',
        b'"\\ud800"',
        b'"\x7f\xff"',
        b"\xef\xbb\xbf1",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_other_encodings_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        decode(data)


@pytest.mark.parametrize(
    "value", [1.5, 2**53, -(2**53), {1: 2}, "\ud800", {"\udfff": 1}, b"x", {1, 2}, object()]
)
def test_values_without_an_encoding(value: Any) -> None:
    with pytest.raises(NotCanonical):
        encode(value)
