"""Compiling rules somewhere else: the question and the answer as bytes. What carries them is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from overt.core.errors import PackError
from overt.engine.pack import Pack
from overt.rules.compile import Built, RuleText, Tell, build
from overt.rules.yara_source import Problem

Builder = Callable[[Sequence[RuleText], tuple[str, ...], Tell], Built]
"""What compiles: `overt.rules.compile.build`, or something that has it done in a process that can be lost."""


class _Question(msgspec.Struct, frozen=True, array_like=True):
    texts: tuple[RuleText, ...]
    names: tuple[str, ...]


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    pack: Pack
    problems: tuple[Problem, ...]


def question(texts: Sequence[RuleText], names: tuple[str, ...]) -> bytes:
    """What to ask."""
    return msgspec.msgpack.encode(_Question(tuple(texts), names))


def answer(data: bytes) -> bytes:
    """Compile what `question` made; what `answered` reads."""
    asked = msgspec.msgpack.decode(data, type=_Question)
    built = build(asked.texts, asked.names)
    return msgspec.msgpack.encode(_Answer(built.pack, built.problems))


def answered(data: bytes) -> Built:
    """The pack and its problems. Raises `PackError` for bytes that are neither."""
    try:
        found = msgspec.msgpack.decode(data, type=_Answer)
    except msgspec.MsgspecError as error:
        raise PackError(f"the rules were not compiled to a whole pack ({error})") from None
    return Built(found.pack, found.problems)
