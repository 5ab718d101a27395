"""Metadata and strings read entry by entry: the same as token by token, whatever is in them."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from overt.rules import yara_source
from overt.rules.yara_sections import meta_entries, string_entries
from overt.rules.yara_source import Source, split
from overt.rules.yara_tokens import Kind

PIECES = (
    *("meta", "strings", "condition", ":", "=", "{", "}", "-", "(", ")", ",", " ", "\n", "// }\n", "/* : */"),
    *("a", "$a", "$", "$b*", "#a", "true", "false", "truest", "5", "5KB", "0x1g", "1.5", "-3"),
    *('"x"', r'"\"\x41\\"', '"open', "/r+/is", "/open", "{ 4D 5A }", "{ 41 // }\n }", "{ 41"),
    *("wide", "ascii", "wider", "ascii*", "xor", "xor(0x01-0x02)", "base64", "base64wide", "private", "rule"),
)
"""What sections are written with, whole and spoiled."""


def _token_by_token(text: str) -> Source:
    with (
        mock.patch.object(yara_source, "meta_entries", return_value=None),
        mock.patch.object(yara_source, "string_entries", return_value=None),
    ):
        return split("s", text)


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.sampled_from(PIECES), max_size=12))
def test_entries_are_what_their_tokens_are(meta: list[str], strings: list[str]) -> None:
    text = (
        f'rule r {{ meta: k = 1 {" ".join(meta)} strings: $k = "v" {" ".join(strings)} '
        "condition: k }\nrule after { condition: true }"
    )
    assert split("s", text) == _token_by_token(text)


@given(st.lists(st.sampled_from(PIECES), max_size=16))
def test_without_spaces_between_them_too(pieces: list[str]) -> None:
    text = f'rule r {{ strings: $k="v"{"".join(pieces)} condition: k }}'
    assert split("s", text) == _token_by_token(text)


def test_the_usual_is_read_entry_by_entry() -> None:
    meta = 'meta: a = "\\x41\\"" /* why */ b = -5 c = true strings:'
    assert meta_entries(meta, 5) == ([("a", 'A"'), ("b", "-5"), ("c", "true")], meta.index(" strings"))
    text = 'strings: $a = "x" wide\n ascii // why\n $ = { 4D } $r = /a/i fullword condition:'
    found = string_entries(text, 8)
    assert found is not None
    assert [(name, value.kind, value.text, words) for name, value, words in found[0]] == [
        ("$a", Kind.TEXT, '"x"', ("wide", "ascii")),
        ("$", Kind.HEX, "{ 4D }", ()),
        ("$r", Kind.REGEX, "/a/i", ("fullword",)),
    ]
    assert all(text[value.start : value.end] == value.text for _, value, _ in found[0])


def test_anything_else_is_left_to_the_grammar() -> None:
    assert meta_entries("meta: a = - 5 condition:", 5) is None
    assert string_entries('strings: $a = "x" xor(1-2) condition:', 8) is None


def test_a_hex_string_of_comments_that_is_not_closed_is_found_out_at_once() -> None:
    """Each comment could be read in two ways: together, in more than there is time for."""
    (problem,) = split("s", "rule r { strings: $a = {" + " //a\n" * 60 + "condition: $a").problems
    assert "not closed" in problem.message
