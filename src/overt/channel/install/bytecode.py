"""Whether a `.pyc` file says what its source says.

Python runs `__pycache__/X.cpython-311.pyc` instead of `X.py` when the times in its header fit, and whoever plants one
can make them fit. So the source is compiled again and the results are compared. Nothing here is executed, and the
planted bytes never reach `marshal.loads`, which is not made for hostile input: they are read as tokens.
"""

from __future__ import annotations

import marshal
import re
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

HEADER_BYTES = 16
"""PEP 552: magic, flags, and either time and size or a hash of the source."""
MAX_DEPTH = 200
"""Objects inside each other in one code object."""
_CACHED = re.compile(r"(?P<stem>[^.]+)\.[a-z]+-[0-9]+(?:\.opt-(?P<level>[12]))?\.pyc", re.ASCII)
_FLAG_REF = 0x80
_SINGLE = b"0NFTS."
_SIZED = {b"s": 4, b"t": 4, b"u": 4, b"a": 4, b"A": 4, b"z": 1, b"Z": 1}
_FIXED = {b"i": 4, b"I": 8, b"g": 8, b"y": 16}
_MANY = {b"(": 4, b")": 1, b"[": 4, b"<": 4, b">": 4}
_CODE_LONGS_FIRST = 5
_CODE_OBJECTS = ("code", "consts", "names", "locals", "kinds", "filename", "name", "qualname")
_CODE_TABLES = ("lines", "exceptions")


class Unreadable(ValueError):
    """Bytes that are no marshalled code."""


def source_of(pyc: Path) -> tuple[Path, int] | None:
    """The source that `__pycache__/X.TAG[.opt-N].pyc` stands for, and N (PEP 488); None for other names."""
    found = _CACHED.fullmatch(pyc.name)
    if found is None:
        return None
    return pyc.parent.parent / f"{found['stem']}.py", int(found["level"] or 0)


def readable(pyc: bytes) -> bool:
    """Whether the Python that runs this made it, and so can compile the source for comparison."""
    return pyc[:4] == MAGIC_NUMBER


def same(pyc: bytes, source: bytes, path: Path, level: int) -> bool:
    """Whether `pyc` holds what `source` compiles to at optimisation `level`; the file name in it is not compared."""
    try:
        code = compile(source, str(path), "exec", dont_inherit=True, optimize=level)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    wanted, body = marshal.dumps(code), pyc[HEADER_BYTES:]
    if body == wanted:
        return True
    try:
        return bool(tokens(body) == tokens(wanted))
    except (Unreadable, RecursionError):
        return False


def tokens(data: bytes) -> Any:
    """A marshalled code object as nested tuples: equal ones say the same, however their parts are shared.

    Raises `Unreadable` for anything else (Python/marshal.c, format 4; code objects as of Python 3.11).
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.place != len(data):
        raise Unreadable(f"{len(data) - reader.place} bytes behind the code")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0
        self.refs: list[Any] = []

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise Unreadable("too many objects inside each other")
        first = self._take(1)[0]
        kind = bytes([first & ~_FLAG_REF])
        if kind == b"r":
            return self._known(self._number(4))
        if not first & _FLAG_REF:
            return self._content(kind, depth)
        slot = len(self.refs)
        self.refs.append(None)
        self.refs[slot] = self._content(kind, depth)
        return self.refs[slot]

    def _content(self, kind: bytes, depth: int) -> Any:
        if kind in _SIZED:
            return ("bytes" if kind == b"s" else "text", self._take(self._number(_SIZED[kind])))
        if kind in _MANY:
            shape = b"(" if kind == b")" else kind
            return (shape, *(self.value(depth + 1) for _ in range(self._count(_MANY[kind]))))
        if kind in _FIXED:
            return kind, self._take(_FIXED[kind])
        if kind == b"l":
            count = int.from_bytes(self._take(4), "little", signed=True)
            return kind, count, self._take(2 * abs(count))
        if kind == b"c":
            return self._code(depth + 1)
        if kind == b":":
            return kind, self.value(depth + 1), self.value(depth + 1), self.value(depth + 1)
        if kind in _SINGLE and kind:
            return kind
        raise Unreadable(f"the type {kind!r} is in no code")

    def _code(self, depth: int) -> Any:
        numbers = self._take(4 * _CODE_LONGS_FIRST)
        parts = {name: self.value(depth) for name in _CODE_OBJECTS}
        first_line = self._take(4)
        tables = [self.value(depth) for _ in _CODE_TABLES]
        del parts["filename"]
        return ("code", numbers, *parts.values(), first_line, *tables)

    def _known(self, number: int) -> Any:
        if number >= len(self.refs) or self.refs[number] is None:
            raise Unreadable("a reference to nothing")
        return self.refs[number]

    def _count(self, width: int) -> int:
        count = self._number(width)
        if count > len(self.data) - self.place:
            raise Unreadable("more parts than bytes")
        return count

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _take(self, count: int) -> bytes:
        taken = self.data[self.place : self.place + count]
        if len(taken) != count:
            raise Unreadable("it ends too early")
        self.place += count
        return taken
