"""A place in the tokens of a condition: what those who read conditions have in common."""

from __future__ import annotations

from collections.abc import Sequence

from overt.rules.yara_tokens import Token


class ConditionError(ValueError):
    """The condition is not one that its reader knows."""


class Cursor:
    """Goes through the tokens, one by one and never back."""

    def __init__(self, condition: Sequence[Token]) -> None:
        self._tokens = condition
        self._at = 0
        self._depth = 0

    def peek(self, ahead: int = 0) -> str:
        """The text of the next token, or of one `ahead` of it; empty behind the last one."""
        index = self._at + ahead
        return self._tokens[index].text if index < len(self._tokens) else ""

    def take(self) -> Token:
        """The next token, and go on. Raises `ConditionError` behind the last one."""
        if self._at >= len(self._tokens):
            raise ConditionError("the condition ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def accept(self, text: str) -> bool:
        """Go on if the next token is `text`."""
        if self.peek() == text:
            self._at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Go on behind `text`. Raises `ConditionError` when something else is next."""
        if not self.accept(text):
            raise ConditionError(f"expected {text!r}, found {self.peek()!r}")

    def end(self) -> None:
        """Raises `ConditionError` unless all tokens were taken."""
        if self.peek():
            raise ConditionError(f"unexpected {self.peek()!r}")

    def deeper(self, most: int) -> None:
        """One level of nesting more. Raises `ConditionError` beyond `most`."""
        self._depth += 1
        if self._depth > most:
            raise ConditionError("nested too deeply")

    def back(self) -> None:
        """One level of nesting less."""
        self._depth -= 1
