"""What is shown is one printable line."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.cli.voice import styled, visible

ANY = st.text(st.characters(codec=None))


@given(ANY)
def test_visible_is_printable_and_keeps_what_is(text: str) -> None:
    assert visible(text).isprintable()
    assert not text.isprintable() or visible(text) == text


@given(st.characters(codec=None))
def test_a_character_is_escaped_as_python_does(char: str) -> None:
    if not char.isprintable():
        assert visible(char) == char.encode("unicode_escape", "surrogatepass").decode()


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def test_colours_only_where_they_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert styled("x", "red", Terminal()) == "\x1b[31mx\x1b[0m"
    assert styled("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("TERM", "dumb")
    assert styled("x", "red", Terminal()) == "x"
