"""A rule's condition as a tree, as far as routing needs it; the rest of the language becomes `Opaque`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overt.rules.yara_condition import Reader, Where, integer
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


_READS = {
    f"{sign}int{bits}{order}": (bits // 8, order == "be", not sign)
    for sign in ("u", "")
    for bits in (8, 16, 32)
    for order in ("", "be")
}


def parse(condition: Sequence[Token]) -> Node:
    """The tree of `condition`. Raises `ConditionError`."""
    return _Routing(condition).whole()


class _Routing(Reader[Node]):
    def both(self, parts: tuple[Node, ...]) -> Node:
        return And(parts)

    def either(self, parts: tuple[Node, ...]) -> Node:
        return Or(parts)

    def negated(self, inner: Node) -> Node:
        return Not(inner)

    def defined(self, inner: Node) -> Node:
        return Opaque()

    def combined(self, sign: str, left: Node, right: Node) -> Node:
        if sign in ("==", "!="):
            return Compare(sign == "==", left, right)
        return Opaque((left, right))

    def signed(self, sign: str, inner: Node) -> Node:
        if sign == "-" and isinstance(inner, Number):
            return Number(-inner.value)
        return Opaque((inner,))

    def literal(self, token: Token) -> Node:
        is_integer = token.kind is Kind.NUMBER and "." not in token.text
        return Number(integer(token.text)) if is_integer else Opaque()

    def word(self, word: str) -> Node:
        if word in ("true", "false"):
            return Truth(word == "true")
        return Number(1) if word == "any" else Opaque()

    def read(self, function: str, offset: Node) -> Node:
        return Read(*_READS[function], offset)

    def path(self, names: tuple[str, ...], arguments: tuple[Node, ...], plain: bool) -> Node:
        return Name(names[0]) if plain else Field(names)

    def string(self, identifier: str, where: Where, places: tuple[Node, ...]) -> Node:
        return At(identifier, places[0]) if where is Where.AT else Opaque()

    def percent(self, share: Node) -> Node:
        return Opaque()

    def of(self, quantifier: Node, names: tuple[str, ...], where: Where, places: tuple[Node, ...]) -> Node:
        if where is Where.AT and _positive(quantifier):
            return Or(tuple(At(name, places[0]) for name in names))
        return Opaque()

    def of_these(self, quantifier: Node, parts: tuple[Node, ...]) -> Node:
        return Opaque()

    def for_of(self, quantifier: Node, names: tuple[str, ...], body: Node) -> Node:
        return self.for_in(quantifier, (), Opaque(), body)

    def for_in(self, quantifier: Node, variables: tuple[str, ...], over: Node, body: Node) -> Node:
        return Loop(variables, over, body) if _positive(quantifier) else Opaque((over,))

    def listed(self, parts: tuple[Node, ...], is_range: bool) -> Node:
        return Opaque(parts if is_range else ())


def _positive(quantifier: Node) -> bool:
    """Whether at least one is needed for sure (a percentage or a computed number may be none)."""
    return isinstance(quantifier, Number) and quantifier.value > 0
