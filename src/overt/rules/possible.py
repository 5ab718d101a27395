"""What a condition can be, given what is known of a file's first bytes: any of true, false and undefined.

Every answer is a superset of what the engine can really come to (an unknown is all three), so a condition that
can't be true by this account is never true. Undefined values follow the engine: a field of a module is undefined
in a file of another type, and so is whatever is computed from or compared with it; `and` and `or` take it for
false. `not` of undefined is undefined there; here it may be true as well, to stay right with other engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag

from overt.engine.route import OTHER, PREFIXES, ROUTES
from overt.rules.condition import (
    And,
    At,
    Compare,
    Field,
    Loop,
    Name,
    Node,
    Not,
    Number,
    Opaque,
    Or,
    Read,
    Truth,
)
from overt.rules.leading import Leading


class Can(Flag):
    """The values that a condition can have."""

    NEVER = 0
    TRUE = 1
    FALSE = 2
    UNDEFINED = 4


ANY = Can.TRUE | Can.FALSE | Can.UNDEFINED
MODULE_PREFIXES: dict[str, tuple[bytes, ...]] = {
    "pe": (b"MZ",),
    "dotnet": (b"MZ",),
    "elf": (b"\x7fELF",),
    "macho": (
        b"\xfe\xed\xfa",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba",
        b"\xbe\xba\xfe\xca",
    ),
    "dex": (b"dex\n",),
}
"""First bytes without which every field of a module is undefined."""
ALWAYS_DEFINED = ("is_pe", "is_dotnet")


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a file's first bytes: they are `prefix`, and none of `excluded`."""

    prefix: bytes = b""
    excluded: tuple[bytes, ...] = ()

    def forbids(self, offset: int, wanted: Leading) -> bool:
        """Whether the bytes at `offset` can't be `wanted`."""
        known = self.prefix[offset : offset + len(wanted)]
        if any(
            values is not None and byte not in values for byte, values in zip(known, wanted, strict=False)
        ):
            return True
        return offset == 0 and any(_implies(wanted, prefix) for prefix in self.excluded)

    def grants(self, offset: int, wanted: bytes) -> bool:
        """Whether the bytes at `offset` are `wanted` for sure."""
        return self.prefix[offset : offset + len(wanted)] == wanted

    def lacks(self, module: str) -> bool:
        """Whether the file is not of the type that `module` describes."""
        needed = MODULE_PREFIXES.get(module, (b"",))
        return all(self.forbids(0, tuple(frozenset((byte,)) for byte in prefix)) for prefix in needed)


def _implies(wanted: Leading, prefix: bytes) -> bool:
    return len(wanted) >= len(prefix) and all(
        values is not None and values == {byte} for byte, values in zip(prefix, wanted, strict=False)
    )


VIEWS: dict[str, tuple[View, ...]] = {
    **{route.name: tuple(View(prefix) for prefix in route.prefixes) for route in ROUTES},
    OTHER: (View(excluded=tuple(PREFIXES)),),
}
"""Route → the views that its files can present."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a condition is judged in: the view, its rule's strings, and which other rules can match there."""

    view: View
    patterns: Mapping[str, tuple[Leading, ...] | None]
    rules: Mapping[str, bool]


def possible(node: Node, setting: Setting) -> Can:
    """The values that `node` can have as a condition."""
    match node:
        case Truth(value):
            return Can.TRUE if value else Can.FALSE
        case Number(value):
            return Can.TRUE if value else Can.FALSE
        case Not(inner):
            return _negated(possible(inner, setting))
        case And(parts):
            return _all([possible(part, setting) for part in parts])
        case Or(parts):
            return _any([possible(part, setting) for part in parts])
        case Compare():
            return _compared(node, setting)
        case At():
            return _placed(node, setting)
        case Loop(names, over, body):
            if _undefined(over, setting.view):
                return Can.FALSE | Can.UNDEFINED
            rules = {name: known for name, known in setting.rules.items() if name not in names}
            can = possible(body, Setting(setting.view, setting.patterns, rules))
            return ANY if Can.TRUE in can else Can.FALSE | Can.UNDEFINED
        case Name(name):
            return ANY if setting.rules.get(name, True) else Can.FALSE
        case Field(path):
            if path[-1] in ALWAYS_DEFINED and setting.view.lacks(path[0]):
                return Can.FALSE | Can.UNDEFINED
            return Can.UNDEFINED if _undefined(node, setting.view) else ANY
        case Opaque() | Read():
            return Can.UNDEFINED if _undefined(node, setting.view) else ANY


def _undefined(node: Node, view: View) -> bool:
    """Whether the value of `node` is undefined for sure."""
    match node:
        case Field(path):
            # Constants (`pe.MACHINE_AMD64`) are written in capitals and have their value in every file.
            return not path[-1].isupper() and path[-1] not in ALWAYS_DEFINED and view.lacks(path[0])
        case Opaque(parts):
            return any(_undefined(part, view) for part in parts)
        case Read(offset=offset):
            return _undefined(offset, view)
        case _:
            return False


def _negated(can: Can) -> Can:
    result = Can.NEVER
    if Can.TRUE in can:
        result |= Can.FALSE
    if Can.FALSE in can:
        result |= Can.TRUE
    if Can.UNDEFINED in can:
        result |= Can.UNDEFINED | Can.TRUE
    return result


def _all(parts: list[Can]) -> Can:
    result = Can.TRUE if all(Can.TRUE in part for part in parts) else Can.NEVER
    if any(Can.FALSE in part for part in parts):
        result |= Can.FALSE
    if any(Can.UNDEFINED in part for part in parts):
        result |= Can.FALSE | Can.UNDEFINED
    return result


def _any(parts: list[Can]) -> Can:
    result = Can.TRUE if any(Can.TRUE in part for part in parts) else Can.NEVER
    if all(part != Can.TRUE for part in parts):
        result |= Can.FALSE
        if any(Can.UNDEFINED in part for part in parts):
            result |= Can.UNDEFINED
    return result


def _compared(node: Compare, setting: Setting) -> Can:
    left, right = node.left, node.right
    if _undefined(left, setting.view) or _undefined(right, setting.view):
        return Can.UNDEFINED
    if isinstance(left, Number) and isinstance(right, Read):
        left, right = right, left
    match left, right:
        case Read(width, big_endian, signed, Number(offset)), Number(value) if offset >= 0:
            equal = _read(setting.view, offset, _encoded(value, width, big_endian, signed))
            return equal if node.equal else _flipped(equal)
    return ANY


def _encoded(value: int, width: int, big_endian: bool, signed: bool) -> bytes | None:
    """The bytes that read as `value`; None when none do."""
    try:
        return value.to_bytes(width, "big" if big_endian else "little", signed=signed)
    except OverflowError:
        return None


def _read(view: View, offset: int, wanted: bytes | None) -> Can:
    """What `read == value` can be: undefined where the file may end before."""
    if wanted is None or view.forbids(offset, tuple(frozenset((byte,)) for byte in wanted)):
        return Can.FALSE | Can.UNDEFINED
    return Can.TRUE if view.grants(offset, wanted) else ANY


def _flipped(can: Can) -> Can:
    """The same for `!=`, where undefined stays so."""
    result = can & Can.UNDEFINED
    if Can.TRUE in can:
        result |= Can.FALSE
    if Can.FALSE in can:
        result |= Can.TRUE
    return result


def _placed(node: At, setting: Setting) -> Can:
    ways = setting.patterns.get(node.pattern)
    if ways is None or not isinstance(node.offset, Number) or node.offset.value < 0:
        return Can.UNDEFINED if _undefined(node.offset, setting.view) else ANY
    offset = node.offset.value
    if all(setting.view.forbids(offset, way) for way in ways):
        return Can.FALSE
    return ANY
