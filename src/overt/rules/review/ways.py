"""The ways in which a rule's condition can be fulfilled, each as the set of things it needs.

A rule is judged by its weakest way: what one alternative needs is no excuse for another. Where there are more ways
than are followed, those that speak least of code are kept (`weigh`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from overt.rules.review.expression import Expression
from overt.rules.review.octets import (
    ARITHMETIC,
    COMPARISONS,
    MIRRORED,
    OPPOSITE,
    Environment,
    Octet,
    constant,
    octets,
)
from overt.rules.review.spans import counts, possible

MAX_WAYS = 48
MAX_ROUNDS = 1024
"""Rounds of `for` loops inside each other that are followed one by one."""
MAX_UNROLLED = 256
"""Rounds of a `for` over constants that are followed one by one."""


@dataclass(frozen=True, slots=True)
class Needs:
    """String number `index` of rule `rule` must be there."""

    rule: str
    index: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest must be this value; `whole`: of the whole file."""

    whole: bool
    text: str


@dataclass(frozen=True, slots=True)
class Size:
    """The file's size in bytes must lie here, bounds included; None: no bound."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Value:
    """A module's field or an external variable is compared with `text` (a quoted string or regular expression,
    empty when it is a number)."""

    path: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Computed:
    """Bytes are compared in a way that does not tell what is looked for."""

    text: str


Atom = Needs | Octet | Digest | Size | Value | Computed
Way = frozenset[Atom]
FREE: tuple[Way, ...] = (frozenset(),)
"""One way that needs nothing."""
EXTERNALS = frozenset(("filename", "filepath", "extension", "filetype", "owner"))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition is read in: its rule's name and string identifiers, the ways of the rules before it, known
    loop variables, and how much an atom speaks of code."""

    rule: str
    identifiers: Sequence[str]
    rules: Mapping[str, tuple[Way, ...]]
    weigh: Callable[[Atom], int]
    known: Environment = field(default_factory=dict)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Loop variables that go through a module's list."""
    rounds: int = 1
    """How often this condition is read because of the loops around it."""


def ways(node: Expression, scope: Scope, wanted: bool = True) -> tuple[Way, ...]:
    """The ways in which `node` becomes true (or, unless `wanted`, false); none when it can't."""
    match node.op:
        case "and" | "or":
            parts = [ways(arg, scope, wanted) for arg in node.args]
            return _all(parts, scope) if (node.op == "and") is wanted else _any(parts, scope)
        case "not":
            return ways(node.args[0], scope, not wanted)
        case "true" | "false":
            return FREE if (node.op == "true") is wanted else ()
        case "number":
            return FREE if bool(node.value) is wanted else ()
        case "of" | "of-these" | "for-of":
            return _of(node, scope) if wanted else FREE
        case "for-in":
            return _for_in(node, scope) if wanted else FREE
        case "==" | "!=" | "<" | "<=" | ">" | ">=":
            return _compared(node, node.op if wanted else OPPOSITE[node.op], scope)
        case "defined":
            return FREE
    return _leaf(node, scope) if wanted else FREE


def _leaf(node: Expression, scope: Scope) -> tuple[Way, ...]:
    """A value that must be true, or not zero."""
    if node.op in ("string", "at", "count", "offset", "length"):
        return _string(node.text, scope)
    if node.op in ARITHMETIC or node.op == "~":
        return _compared(Expression("!=", (node, Expression("number"))), "!=", scope)
    if node.op == "name":
        if node.text in scope.rules:
            return scope.rules[node.text]
        path = scope.fields.get(node.text, (node.text,))
        return (frozenset((Value(path),)),) if path[0] in EXTERNALS or len(path) > 1 else FREE
    return (frozenset(_mentioned(node, scope)),)


def _string(identifier: str, scope: Scope) -> tuple[Way, ...]:
    if identifier == "$":
        return FREE
    return (
        tuple(
            frozenset((Needs(scope.rule, index),))
            for index, name in enumerate(scope.identifiers)
            if name == identifier
        )[:1]
        or FREE
    )


def _mentioned(node: Expression, scope: Scope) -> Iterable[Atom]:
    """What an expression needs to have a value at all: its strings, its fields, its texts. The number of a string's
    matches has one always."""
    texts = [part.text for part in node.walk() if part.op in ("text", "regex")]
    found: list[Atom] = []
    for part in node.walk():
        if part.op in ("string", "at", "offset", "length"):
            found.extend(atom for way in _string(part.text, scope) for atom in way)
        elif part.op == "field":
            path = (*scope.fields.get(part.names[0], part.names[:1]), *part.names[1:])
            if path[0] == "hash":
                found.append(Digest(_whole(part), texts[-1] if texts else str(node)))
            elif not path[-1].isupper():
                found.extend(Value(path, text) for text in texts or [""])
        elif part.op == "name":
            path = scope.fields.get(part.text, (part.text,))
            if path[0] in EXTERNALS or len(path) > 1:
                found.extend(Value(path, text) for text in texts or [""])
        elif part.op == "read":
            found.append(Computed(str(node)))
    return found


def _whole(digest: Expression) -> bool:
    """Whether `hash.…(0, filesize)` is meant."""
    return (
        len(digest.args) == 2 and digest.args[0] == Expression("number") and digest.args[1].op == "filesize"
    )


def _compared(node: Expression, comparison: str, scope: Scope) -> tuple[Way, ...]:
    left, right = node.args
    fixed = [constant(arg, scope.known) for arg in (left, right)]
    if None not in fixed:
        return FREE if COMPARISONS[comparison](*fixed) else ()  # type: ignore[arg-type]
    if left.op == "filesize" or right.op == "filesize":
        value, sign = (fixed[1], comparison) if left.op == "filesize" else (fixed[0], MIRRORED[comparison])
        return (frozenset((_size(sign, value),)),) if value is not None else FREE
    if any(part.op == "read" for part in node.walk()):
        known = octets(node, comparison, scope.known)
        if known is not None:
            return (frozenset(known),) if all(octet.allowed for octet in known) else ()
    found = frozenset(_mentioned(node, scope))
    if comparison != "==" and (comparison == "!=" or any(part.op == "read" for part in node.walk())):
        found = frozenset(atom for atom in found if isinstance(atom, Needs))
    return _all([(found,), _counted(left, comparison, right, scope)], scope)


def _counted(left: Expression, comparison: str, right: Expression, scope: Scope) -> tuple[Way, ...]:
    """The strings without any match of which the comparison can't hold: each one, or else one of them."""
    named = dict.fromkeys((*counts(left), *counts(right)))
    needed = [name for name in named if not possible(left, comparison, right, (name,), scope.known)]
    if needed:
        return _all([_string(name, scope) for name in needed], scope)
    if named and not possible(left, comparison, right, named, scope.known):
        return _any([_string(name, scope) for name in named], scope)
    return FREE


def _size(sign: str, value: int) -> Size:
    bounds = {
        "==": (value, value),
        "<": (None, value - 1),
        "<=": (None, value),
        ">": (value + 1, None),
        ">=": (value, None),
    }
    return Size(*bounds.get(sign, (None, None)))


def _of(node: Expression, scope: Scope) -> tuple[Way, ...]:
    """The strings, rules or conditions of a set, as many as are wanted; those that speak least of code first."""
    members = _members(node, scope)
    wanted = _quantity(node.args[0], sum(times for _, times in members), scope)
    if wanted <= 0:
        return FREE
    body = ways(node.args[1], scope) if node.op == "for-of" else FREE
    if wanted == 1:
        return _all([_any([found for found, _ in members], scope), body], scope)
    members.sort(key=lambda member: min((_weight(way, scope) for way in member[0]), default=1 << 20))
    chosen = []
    for found, times in members:
        if wanted > 0:
            chosen.append(found)
            wanted -= times
    return _all([*chosen, body], scope) if wanted <= 0 else ()


def _members(node: Expression, scope: Scope) -> list[tuple[tuple[Way, ...], int]]:
    """The ways of each member of a set, and how often it is named: `2 of ($a, $a)` needs one string."""
    if node.op == "of-these":
        return [(ways(part, scope), 1) for part in node.args[1:]]
    found: dict[tuple[Way, ...], int] = {}
    for name, times in Counter(node.names).items():
        for member in _named(name, scope):
            found[member] = found.get(member, 0) + times
    return list(found.items())


def _named(name: str, scope: Scope) -> list[tuple[Way, ...]]:
    """The ways of the strings or rules that `name` stands for."""
    if name.startswith("$"):
        return [
            (frozenset((Needs(scope.rule, index),)),)
            for index, identifier in enumerate(scope.identifiers)
            if identifier == name or (name.endswith("*") and identifier.startswith(name[:-1]))
        ]
    found = [
        known
        for rule, known in scope.rules.items()
        if rule == name or (name.endswith("*") and rule.startswith(name[:-1]))
    ]
    return found or [FREE]  # not a rule before this one: nothing is known of it


def _quantity(quantifier: Expression, total: int, scope: Scope) -> int:
    if quantifier.op in ("all", "any", "none"):
        return {"all": total, "any": 1, "none": 0}[quantifier.op]
    if quantifier.op == "percent":
        share = constant(quantifier.args[0], scope.known)
        return total if share is None else -(-total * share // 100)
    number = constant(quantifier, scope.known)
    return 1 if number is None else number


def _for_in(node: Expression, scope: Scope) -> tuple[Way, ...]:
    """A loop over constants is followed round by round where that says more; else its variable stays unknown."""
    quantifier, over, body = node.args
    if quantifier.op == "none" or constant(quantifier, scope.known) == 0:
        return FREE
    if over.op == "field":
        fields = {**scope.fields, **dict.fromkeys(node.names, over.names)}
        inner = replace(scope, fields=fields)
        return _all([(frozenset((Value(over.names),)),), ways(body, inner)], scope)
    values = _values(over, scope)
    if values is not None and len(values) * scope.rounds > MAX_ROUNDS:
        values = None
    if values is None or len(node.names) != 1 or not _worth(node, values):
        needed: tuple[Way, ...] = (frozenset(_mentioned(over, scope)),)
        counted = _counted(over.args[0], "<=", over.args[1], scope) if over.op == "range" else FREE
        return _all([needed, counted, ways(body, scope)], scope)
    rounds = [ways(body, _with(scope, node.names[0], value, len(values))) for value in values]
    if quantifier.op == "all":
        return _all(rounds, scope)
    number = constant(quantifier, scope.known) if quantifier.op != "any" else 1
    rounds = [found for found in rounds if found]
    return _any(rounds, scope) if number in (1, None) else _all(rounds[:number], scope)


def _worth(node: Expression, values: Sequence[int]) -> bool:
    """Whether single rounds tell more: all are needed, or the variable takes part in more than an offset."""
    if node.args[0].op != "any" or len(values) <= 8:
        return True
    name = node.names[0]
    in_offsets = {
        id(part)
        for read in node.args[2].walk()
        if read.op in ("read", "at")
        for arg in read.args
        for part in arg.walk()
    }
    return any(
        part.op == "name" and part.text == name and id(part) not in in_offsets for part in node.args[2].walk()
    )


def _values(over: Expression, scope: Scope) -> list[int] | None:
    found = [constant(arg, scope.known) for arg in over.args]
    if over.op not in ("range", "list") or None in found:
        return None
    numbers = [value for value in found if value is not None]
    if over.op == "range":
        return list(range(numbers[0], numbers[1] + 1)) if numbers[1] - numbers[0] < MAX_UNROLLED else None
    return numbers[:MAX_UNROLLED]


def _with(scope: Scope, name: str, value: int, rounds: int) -> Scope:
    return replace(scope, known={**scope.known, name: value}, rounds=scope.rounds * rounds)


def _all(parts: Sequence[tuple[Way, ...]], scope: Scope) -> tuple[Way, ...]:
    found: tuple[Way, ...] = FREE
    for part in parts:
        found = _kept((one | other for one in found for other in part), scope)
    return found


def _any(parts: Sequence[tuple[Way, ...]], scope: Scope) -> tuple[Way, ...]:
    return _kept((way for part in parts for way in part), scope)


def _kept(found: Iterable[Way], scope: Scope) -> tuple[Way, ...]:
    """The `MAX_WAYS` that speak least of code; of equals the first, so that the result is always the same."""
    distinct = list(dict.fromkeys(found))
    if len(distinct) > MAX_WAYS:
        distinct.sort(key=lambda way: _weight(way, scope))
    return tuple(distinct[:MAX_WAYS])


def _weight(way: Way, scope: Scope) -> int:
    return sum(map(scope.weigh, way))
