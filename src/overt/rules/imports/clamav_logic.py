"""ClamAV logical expressions over subsignatures (`(0&1)|2>3,1`) turned into YARA conditions.

Follows https://docs.clamav.net/manual/Signatures/LogicalSignatures.html#logical-expression. A block with a count
(`(0|1)>2`) counts the matches of all its subsignatures together; a second number asks for that many different ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from overt.rules.imports.clamav_pattern import NotCarried

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+)|(?P<sign>[()&|])|(?P<count>[=<>])(?P<times>\d+)(?:,(?P<different>\d+))?)"
)
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Subsignature:
    """How one subsignature reads in a condition: whether it matched, and how often (None: can't be counted)."""

    matched: str
    times: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    condition: str
    members: tuple[int, ...]


def condition(expression: str, subsignatures: Sequence[Subsignature]) -> str:
    """The YARA condition for a logical expression. Raises `NotCarried` when it is malformed or can't be said."""
    reader = _Reader(expression, subsignatures)
    result = reader.block(0)
    if reader.peek() is not None:
        raise NotCarried(f"logical expression {expression[:40]!r}")
    return result.condition


class _Reader:
    def __init__(self, expression: str, subsignatures: Sequence[Subsignature]) -> None:
        self._tokens = list(_TOKEN.finditer(expression))
        if "".join(token.group() for token in self._tokens) != expression:
            raise NotCarried(f"logical expression {expression[:40]!r}")
        self._at = 0
        self._subsignatures = subsignatures

    def peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _accept(self, *signs: str) -> str | None:
        token = self.peek()
        if token is None or token["sign"] not in signs:
            return None
        self._at += 1
        return token["sign"]

    def block(self, depth: int) -> _Part:
        """Operands joined by `&` and `|`, from left to right as ClamAV reads them."""
        if depth > MAX_DEPTH:
            raise NotCarried("logical expression nested too deeply")
        left = self._operand(depth)
        while sign := self._accept("&", "|"):
            right = self._operand(depth)
            word = "and" if sign == "&" else "or"
            left = _Part(f"({left.condition} {word} {right.condition})", left.members + right.members)
        return left

    def _operand(self, depth: int) -> _Part:
        if self._accept("("):
            inner = self.block(depth + 1)
            if self._accept(")") is None:
                raise NotCarried("logical expression with an open parenthesis")
        else:
            inner = self._number()
        token = self.peek()
        if token is not None and token["count"]:
            self._at += 1
            return self._counted(inner, token)
        return inner

    def _number(self) -> _Part:
        token = self.peek()
        if token is None or token["number"] is None or int(token["number"]) >= len(self._subsignatures):
            raise NotCarried("logical expression names no such subsignature")
        self._at += 1
        number = int(token["number"])
        return _Part(self._subsignatures[number].matched, (number,))

    def _counted(self, inner: _Part, token: re.Match[str]) -> _Part:
        sign, times, different = token["count"], int(token["times"]), token["different"]
        if sign == "=" and times == 0:
            negated = [f"not {self._subsignatures[number].matched}" for number in inner.members]
            return _Part(f"({' and '.join(negated)})", inner.members)
        counts = [self._subsignatures[number].times for number in dict.fromkeys(inner.members)]
        if any(count is None for count in counts):
            raise NotCarried("count of a subsignature that can't be counted")
        total = " + ".join(count for count in counts if count is not None)
        parts = [f"{total} {'==' if sign == '=' else sign} {times}"]
        if different and int(different) > 0:
            terms = " + ".join(
                _one_if(self._subsignatures[number].times) for number in dict.fromkeys(inner.members)
            )
            parts.append(f"{terms} >= {different}")
        return _Part(f"({' and '.join(parts)})", inner.members)


def _one_if(times: str | None) -> str:
    """1 when the count is positive, else 0, as YARA arithmetic."""
    return f"(({times}) + 1048575) \\ 1048576"
