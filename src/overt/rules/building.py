"""Compiling rules somewhere else: questions and answers as bytes. What carries them is the caller's.

Many rules are compiled by two processes, each a share of them; then each proves a share of the routes that the whole
pack will be loaded by. Few rules are one question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from overt.core.errors import OvertError, PackError
from overt.engine.pack import Pack
from overt.rules.compile import Built, Routes, RuleText, Share, Tell, build, merged, prove, share, unproven
from overt.rules.yara_source import Problem

Builder = Callable[[Sequence[RuleText], tuple[str, ...], Tell], Built]
"""What compiles: `overt.rules.compile.build`, or something that has it done in a process that can be lost."""
Ask = Callable[[Sequence[bytes]], Sequence[bytes]]
"""Answers questions, all at once, each with `answer` in a process of its own."""
SHARED_FROM = 1 << 19
"""Characters of rules from which two processes are quicker than one."""
_STEP = "compiling rules"
_Item = TypeVar("_Item")
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class _Whole(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """`build`."""

    texts: tuple[RuleText, ...]
    names: tuple[str, ...]


class _Share(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """`share`."""

    texts: tuple[RuleText, ...]


class _Proof(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """`prove`."""

    routes: dict[str, dict[str, str]]


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    pack: Pack
    problems: tuple[Problem, ...]


def question(texts: Sequence[RuleText], names: tuple[str, ...]) -> bytes:
    """What to ask for the whole pack at once."""
    return msgspec.msgpack.encode(_Whole(tuple(texts), names))


def answer(data: bytes) -> bytes:
    """What `question` asks for, which `answered` reads; or the answer to another question of `built`. Raises
    `PackError`."""
    asked: _Whole | _Share | _Proof = msgspec.msgpack.decode(data, type=_Whole | _Share | _Proof)
    match asked:
        case _Whole(texts, names):
            whole = build(texts, names)
            return msgspec.msgpack.encode(_Answer(whole.pack, whole.problems))
        case _Share(texts):
            return msgspec.msgpack.encode(share(texts))
        case _Proof(routes):
            prove(routes)
            return b""


def answered(data: bytes) -> Built:
    """The pack and its problems. Raises `PackError` for bytes that are neither."""
    found = _decoded(data, _Answer)
    return Built(found.pack, found.problems)


def built(
    ask: Ask, texts: Sequence[RuleText], names: tuple[str, ...], tell: Tell, lost: type[OvertError]
) -> Built:
    """The pack of `texts`, compiled by whoever answers. When shares are lost (`ask` raises `lost`), the whole is asked
    for: one process has more memory than each of two. Raises `PackError`, and as `ask`."""
    tell(_STEP, 0, 2)
    try:
        found = _shared(ask, texts, names, tell)
    except lost:
        found = None
    if found is None:
        found = answered(ask([question(texts, names)])[0])
    tell(_STEP, 2, 2)
    return found


def _shared(ask: Ask, texts: Sequence[RuleText], names: tuple[str, ...], tell: Tell) -> Built | None:
    """None for what is too little to be shared."""
    if len(texts) < 2 or sum(len(text.text) for text in texts) < SHARED_FROM:
        return None
    halves = _halves(texts, [len(text.text) for text in texts])
    said = ask([msgspec.msgpack.encode(_Share(tuple(half))) for half in halves if half])
    found = merged([_decoded(one, Share) for one in said], names)
    tell(_STEP, 1, 2)
    ask([msgspec.msgpack.encode(_Proof(dict(routes))) for routes in _proofs(unproven(found.pack))])
    return found


def _proofs(routes: Routes) -> list[Routes]:
    """The routes for each process."""
    sizes: Mapping[str, int] = {route: sum(map(len, spaces.values())) for route, spaces in routes.items()}
    ordered = sorted(routes, key=lambda route: -sizes[route])
    halves = _halves(ordered, [sizes[route] for route in ordered])
    return [{route: routes[route] for route in half} for half in halves if half]


def _halves(items: Sequence[_Item], sizes: Sequence[int]) -> tuple[Sequence[_Item], Sequence[_Item]]:
    """The items in their order, cut where the sizes before and after differ least."""
    whole, before = sum(sizes), 0
    for number, size in enumerate(sizes):
        if 2 * before + size > whole:
            return items[:number], items[number:]
        before += size
    return items, items[:0]


def _decoded(data: bytes, kind: type[_Struct]) -> _Struct:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise PackError(f"the rules were not compiled to a whole pack ({error})") from None
