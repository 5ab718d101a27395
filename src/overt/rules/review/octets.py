"""Bytes that a condition spells out without a string: `uint8(0) ^ 0x20 == 0x73 and uint16be(@a + 1) == …`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from overt.rules.review.expression import Expression

Environment = Mapping[str, int]
"""Values of loop variables that are known."""
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
ARITHMETIC: dict[str, Callable[[int, int], int | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "\\": lambda a, b: _quotient(a, b),
    "%": lambda a, b: None if b == 0 else a - b * (_quotient(a, b) or 0),
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": lambda a, b: a << b if 0 <= b < 64 else None,
    ">>": lambda a, b: a >> b if 0 <= b < 64 else None,
}
"""As the engine computes, before its 64 bits are full; None: not known, or undefined."""


def _quotient(a: int, b: int) -> int | None:
    """Rounded towards zero."""
    if b == 0:
        return None
    whole = abs(a) // abs(b)
    return whole if (a < 0) == (b < 0) else -whole


def result(sign: str, left: int | None, right: int | None) -> int | None:
    """`left SIGN right` in signed 64 bits, which overflow silently."""
    found = None if left is None or right is None else ARITHMETIC[sign](left, right)
    return None if found is None else (found + (1 << 63)) % (1 << 64) - (1 << 63)


@dataclass(frozen=True, slots=True)
class Octet:
    """The byte at `base` + `offset` is one of `allowed`; `base` is empty, a loop variable or another expression."""

    base: str
    offset: int
    allowed: frozenset[int]


def constant(node: Expression, known: Environment) -> int | None:
    """The value of `node`, when it depends on nothing in the file."""
    if node.op == "number":
        return node.value
    if node.op == "name":
        return known.get(node.text)
    if node.op == "~":
        inner = constant(node.args[0], known)
        return None if inner is None else ~inner
    if node.op in ARITHMETIC and len(node.args) == 2:
        return result(node.op, constant(node.args[0], known), constant(node.args[1], known))
    return None


def octets(node: Expression, comparison: str, known: Environment) -> tuple[Octet, ...] | None:
    """What the comparison `node` (taken as `comparison`) says of the file's bytes; None: nothing that can be
    solved. A single byte is tried with all its values, wider reads are solved for `==`."""
    left, right = node.args
    value = constant(right, known)
    if value is None:
        left, right, comparison = right, left, MIRRORED[comparison]
        value = constant(right, known)
    reads = [part for part in left.walk() if part.op == "read"]
    outer = _outermost(left)
    if value is None or outer is None or any(read not in (outer, *outer.args[0].walk()) for read in reads):
        return None
    base, offset = _place(outer.args[0], known)
    if "int8" in outer.text:
        return _single(left, outer, comparison, value, known, base, offset)
    if comparison != "==":
        return None
    solved = _solve(left, outer, value, known)
    return None if solved is None else _spread(outer.text, solved, base, offset)


def _outermost(node: Expression) -> Expression | None:
    """The one read that `node` computes with, not counting reads inside its offset."""
    if node.op == "read":
        return node
    found = [read for read in map(_outermost, node.args) if read is not None]
    return found[0] if found and all(read == found[0] for read in found) else None


def _single(
    node: Expression,
    read: Expression,
    comparison: str,
    value: int,
    known: Environment,
    base: str,
    offset: int,
) -> tuple[Octet, ...] | None:
    allowed = set()
    for byte in range(256):
        result = _evaluate(node, read, byte, known)
        if result is None:
            return None
        if COMPARISONS[comparison](result, value):
            allowed.add(byte)
    return (Octet(base, offset, frozenset(allowed)),)


def _evaluate(node: Expression, read: Expression, byte: int, known: Environment) -> int | None:
    if node == read:
        return byte if read.text.startswith("u") or byte < 128 else byte - 256
    fixed = constant(node, known)
    if fixed is not None:
        return fixed
    if node.op == "~":
        inner = _evaluate(node.args[0], read, byte, known)
        return None if inner is None else ~inner
    if node.op in ARITHMETIC and len(node.args) == 2:
        left, right = (_evaluate(arg, read, byte, known) for arg in node.args)
        return result(node.op, left, right)
    return None


def _solve(node: Expression, read: Expression, value: int, known: Environment) -> int | None:
    """The value of `read` for which `node` is `value`. Bits that a mask hides are taken as they are in `value`."""
    if node == read:
        return value & 0xFFFF_FFFF if value >= -(1 << 31) else None
    if node.op == "~":
        return _solve(node.args[0], read, ~value, known)
    if len(node.args) != 2 or node.op not in ARITHMETIC:
        return None
    left, right = node.args
    fixed = constant(right, known)
    if fixed is None:
        return _solve_right(node.op, left, right, read, value, known)
    undone: dict[str, int] = {
        "^": value ^ fixed,
        "+": value - fixed,
        "-": value + fixed,
        "&": value,
        "|": value & ~fixed | value & 0x2020_2020,
        ">>": value << min(max(fixed, 0), 32),
        "<<": value >> min(max(fixed, 0), 32),
        "*": value // fixed if fixed and value % fixed == 0 else -1,
    }
    found = undone.get(node.op)
    return None if found is None else _solve(left, read, found, known)


def _solve_right(
    op: str, left: Expression, right: Expression, read: Expression, value: int, known: Environment
) -> int | None:
    fixed = constant(left, known)
    if fixed is None:
        return None
    undone = {"^": value ^ fixed, "+": value - fixed, "-": fixed - value, "&": value, "|": value & ~fixed}
    found = undone.get(op)
    return None if found is None else _solve(right, read, found, known)


def _spread(read: str, value: int, base: str, offset: int) -> tuple[Octet, ...] | None:
    width = 4 if "32" in read else 2
    if not 0 <= value < 1 << 8 * width:
        value &= (1 << 8 * width) - 1
    order = "big" if read.endswith("be") else "little"
    data = value.to_bytes(width, order)  # type: ignore[arg-type]
    return tuple(Octet(base, offset + at, frozenset((byte,))) for at, byte in enumerate(data))


def _place(node: Expression, known: Environment) -> tuple[str, int]:
    """An offset as something unknown plus a constant."""
    fixed = constant(node, known)
    if fixed is not None:
        return "", fixed
    if node.op in ("+", "-") and len(node.args) == 2:
        left, right = constant(node.args[0], known), constant(node.args[1], known)
        if right is not None:
            base, offset = _place(node.args[0], known)
            return base, offset + right if node.op == "+" else offset - right
        if left is not None and node.op == "+":
            base, offset = _place(node.args[1], known)
            return base, offset + left
    return str(node) if node.op != "offset" else "@" + node.text, 0
