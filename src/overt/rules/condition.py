"""A rule's condition as a tree, as far as routing needs it; the rest of the language becomes `Opaque`.

Operators and their precedence follow https://yara.readthedocs.io/en/stable/writingrules.html#conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overt.rules.yara_cursor import ConditionError, Cursor
from overt.rules.yara_tokens import Kind, Token


@dataclass(frozen=True, slots=True)
class Opaque:
    """Anything at all: true, false or undefined; `parts` are what it was computed from, strictly."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    value: int


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool


@dataclass(frozen=True, slots=True)
class Read:
    """`uint16be(offset)` and its like: `width` in bytes."""

    width: int
    big_endian: bool
    signed: bool
    offset: Node


@dataclass(frozen=True, slots=True)
class Field:
    """A module's value: `pe.sections[0].name` has the path `("pe", "sections", "name")`."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A rule or an external variable."""

    name: str


@dataclass(frozen=True, slots=True)
class At:
    """`$a at offset`."""

    pattern: str
    offset: Node


@dataclass(frozen=True, slots=True)
class Not:
    inner: Node


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`==` or `!=`; other comparisons are opaque but for their operands."""

    equal: bool
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Loop:
    """A `for` over `over` that needs at least one round in which `body` is true; `names` are its variables."""

    names: tuple[str, ...]
    over: Node
    body: Node


Node = Opaque | Number | Truth | Read | Field | Name | At | Not | And | Or | Compare | Loop


LEVELS: tuple[frozenset[str], ...] = (
    frozenset(("==", "!=", "contains", "startswith", "endswith", "matches"))
    | {"icontains", "istartswith", "iendswith", "iequals"},
    frozenset(("<", "<=", ">", ">=")),
    frozenset(("|",)),
    frozenset(("^",)),
    frozenset(("&",)),
    frozenset(("<<", ">>")),
    frozenset(("+", "-")),
    frozenset(("*", "\\", "%")),
)
"""Binary operators over values, loosest first."""

_READS = {
    f"{sign}int{bits}{order}": (bits // 8, order == "be", not sign)
    for sign in ("u", "")
    for bits in (8, 16, 32)
    for order in ("", "be")
}
MAX_DEPTH = 40
"""Nesting beyond which a condition is not followed (it is then taken to be possible everywhere)."""


def parse(condition: Sequence[Token]) -> Node:
    """The tree of `condition`. Raises `ConditionError`."""
    reader = _Parser(condition)
    tree = reader.disjunction()
    reader.end()
    return tree


class _Parser(Cursor):
    def disjunction(self) -> Node:
        self.deeper(MAX_DEPTH)
        parts = [self._conjunction()]
        while self.accept("or"):
            parts.append(self._conjunction())
        self.back()
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self.accept("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Node:
        negations = 0
        while self.accept("not"):
            negations += 1
        if self.accept("defined"):
            self._negation()
            return Opaque()
        inner = self._level(0)
        for _ in range(negations):
            inner = Not(inner)
        return inner

    def _level(self, level: int) -> Node:
        if level == len(LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self.peek() in LEVELS[level] and not (self.peek() == "%" and self.peek(1) == "of"):
            sign = self.take().text
            right = self._level(level + 1)
            equality = sign in ("==", "!=")
            left = Compare(sign == "==", left, right) if equality else Opaque((left, right))
        if level == len(LEVELS) - 1 and self.peek() in ("of", "%"):
            self.accept("%")
            return self._of(left)
        return left

    def _unary(self) -> Node:
        if self.accept("-"):
            inner = self._unary()
            return Number(-inner.value) if isinstance(inner, Number) else Opaque((inner,))
        if self.accept("~"):
            return Opaque((self._unary(),))
        return self._primary()

    def _primary(self) -> Node:
        token = self.take()
        if token.kind is Kind.NUMBER:
            return Opaque() if "." in token.text else Number(_number(token.text))
        if token.kind in (Kind.TEXT, Kind.REGEX):
            return Opaque()
        if token.kind is Kind.STRING_ID:
            return self._string(token.text)
        if token.text == "(":
            inner = self.disjunction()
            self.expect(")")
            return inner
        if token.kind is Kind.WORD:
            return self._word(token.text)
        raise ConditionError(f"unexpected {token.text!r}")

    def _string(self, identifier: str) -> Node:
        if identifier[0] == "$":
            if self.accept("at"):
                return At(identifier, self._level(2))
            if self.accept("in"):
                self._range()
        elif self.accept("in"):
            self._range()
        elif self.accept("["):
            self.disjunction()
            self.expect("]")
        return Opaque()

    def _word(self, word: str) -> Node:
        if word in ("true", "false"):
            return Truth(word == "true")
        if word in ("filesize", "entrypoint"):
            return Opaque()
        if word in _READS:
            self.expect("(")
            offset = self.disjunction()
            self.expect(")")
            return Read(*_READS[word], offset)
        if word == "for":
            return self._for()
        if word in ("all", "any", "none"):
            return self._of(Number(1) if word == "any" else Opaque())
        return self._path(word)

    def _path(self, word: str) -> Node:
        """`name`, or a module's field with indexes, keys and calls anywhere in it."""
        path = [word]
        simple = True
        while self.peek() in (".", "[", "("):
            simple = False
            sign = self.take().text
            if sign == ".":
                path.append(self.take().text)
            else:
                self._arguments("]" if sign == "[" else ")")
        return Name(word) if simple else Field(tuple(path))

    def _arguments(self, closing: str) -> list[Node]:
        found: list[Node] = []
        while not self.accept(closing):
            found.append(self.disjunction())
            if self.peek() not in (closing, ","):
                raise ConditionError(f"expected {closing!r}, found {self.peek()!r}")
            self.accept(",")
        return found

    def _range(self) -> None:
        self.expect("(")
        self._level(0)
        self.expect("..")
        self._level(0)
        self.expect(")")

    def _set(self) -> list[str]:
        """`them` or a parenthesised list; the texts in it."""
        if self.accept("them"):
            return ["$*"]
        self.expect("(")
        names = []
        while not self.accept(")"):
            names.append(self.take().text)
            self.accept(",")
        return names

    def _of(self, quantifier: Node) -> Node:
        """After the quantifier of `… of SET [at X | in (a..b)]`."""
        self.expect("of")
        names = self._set()
        if self.accept("in"):
            self._range()
        elif self.accept("at"):
            offset = self._level(2)
            if _positive(quantifier):
                return Or(tuple(At(name, offset) for name in names))
        return Opaque()

    def _for(self) -> Node:
        word = self.peek()
        if word in ("all", "any", "none"):
            self.take()
        quantifier = (
            (Number(1) if word == "any" else Opaque()) if word in ("all", "any", "none") else self._level(2)
        )
        self.accept("%")
        names: list[str] = []
        over: Node = Opaque()
        if self.accept("of"):
            self._set()
        else:
            names = self._variables()
            over = self._iterator()
        self.expect(":")
        self.expect("(")
        body = self.disjunction()
        self.expect(")")
        return Loop(tuple(names), over, body) if _positive(quantifier) else Opaque((over,))

    def _variables(self) -> list[str]:
        names = [self.take().text]
        while self.accept(","):
            names.append(self.take().text)
        self.expect("in")
        return names

    def _iterator(self) -> Node:
        """What a `for` goes through: a module's list, or a range or list in parentheses."""
        if not self.accept("("):
            return self._level(2)
        first = self._level(0)
        parts = [first, self._level(0)] if self.accept("..") else []
        while self.accept(","):
            self._level(0)
        self.expect(")")
        return Opaque(tuple(parts))


def _positive(quantifier: Node) -> bool:
    """Whether at least one is needed for sure (a percentage or a computed number may be none)."""
    return isinstance(quantifier, Number) and quantifier.value > 0


def _number(text: str) -> int:
    if text.endswith("KB"):
        return int(text[:-2]) * 1024
    if text.endswith("MB"):
        return int(text[:-2]) * 1024 * 1024
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
