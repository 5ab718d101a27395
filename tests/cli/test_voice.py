"""What is shown is one printable line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from overt.cli.voice import visible

ANY = st.text(st.characters(codec=None))


@given(ANY)
def test_visible_is_printable_and_keeps_what_is(text: str) -> None:
    assert visible(text).isprintable()
    assert not text.isprintable() or visible(text) == text


@given(st.characters(codec=None))
def test_a_character_is_escaped_as_python_does(char: str) -> None:
    if not char.isprintable():
        assert visible(char) == char.encode("unicode_escape", "surrogatepass").decode()
