"""Whether a comparison can hold without a string: what `#a * 1 >= 0` says of `$a` is nothing.

Values are intervals; what is not understood can be anything. So "needed" is certain, and "not needed" is not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from overt.rules.review.expression import Expression
from overt.rules.review.octets import ARITHMETIC, Environment, result

Span = tuple[float, float]
"""Lowest and highest value."""
ANYTHING: Span = (-math.inf, math.inf)
MOST = 1 << 40
"""More than a file can have bytes, or a string matches."""
OVERFLOW = 1 << 63


def counts(node: Expression) -> tuple[str, ...]:
    """The strings whose numbers of matches (`#a`) take part in the value of `node`; not those inside other values, such
    as `uint8(#a)`, which have one whatever `#a` is."""
    return tuple(dict.fromkeys(_counts(node)))


def _counts(node: Expression) -> Iterator[str]:
    if node.op == "count":
        yield node.text
    elif node.op in ARITHMETIC or node.op == "~":
        for arg in node.args:
            yield from _counts(arg)


def possible(
    left: Expression, comparison: str, right: Expression, absent: Collection[str], known: Environment
) -> bool:
    """Whether the comparison can hold when the strings `absent` have no match."""
    (low, high), (least, most) = _span(left, absent, known), _span(right, absent, known)
    match comparison:
        case "==":
            return low <= most and least <= high
        case "!=":
            return not low == high == least == most
        case "<":
            return low < most
        case "<=":
            return low <= most
        case ">":
            return high > least
    return high >= least


def _span(node: Expression, absent: Collection[str], known: Environment) -> Span:
    match node.op:
        case "number":
            return node.value, node.value
        case "name" if node.text in known:
            return known[node.text], known[node.text]
        case "count":
            return (0, 0) if node.text in absent else (0, MOST)
        case "filesize":
            return 0, MOST
        case "read" if node.text.startswith("u"):
            return 0, (1 << 32) - 1
        case "~":
            low, high = _span(node.args[0], absent, known)
            return -high - 1, -low - 1
    if node.op in ARITHMETIC:
        return _computed(node.op, _span(node.args[0], absent, known), _span(node.args[1], absent, known))
    return ANYTHING


def _computed(sign: str, left: Span, right: Span) -> Span:
    if left[0] == left[1] and right[0] == right[1] and ANYTHING not in (left, right):
        found = result(sign, int(left[0]), int(right[0]))
        return ANYTHING if found is None else (found, found)
    if ANYTHING in (left, right):
        return ANYTHING
    (low, high), (least, most) = left, right
    match sign:
        case "+":
            return _bounded(low + least, high + most)
        case "-":
            return _bounded(low - most, high - least)
        case "*":
            corners = [a * b for a in left for b in right]
            return _bounded(min(corners), max(corners))
        case "&" if low >= 0 and least >= 0:
            return 0, min(high, most)
    return ANYTHING


def _bounded(low: float, high: float) -> Span:
    """What may overflow can be anything."""
    return (low, high) if low >= -OVERFLOW and high < OVERFLOW else ANYTHING
