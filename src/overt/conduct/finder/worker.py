"""The finder's expendable worker: one source in, what it holds out. No files, no network."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from overt.conduct.finder import joins
from overt.conduct.finder.examine import Examined, Examiner
from overt.conduct.finder.reckoning import Left
from overt.conduct.finder.sources import Kind
from overt.engine.warm import warm_up


class Question(msgspec.Struct, frozen=True, array_like=True):
    """One source with its bytes."""

    kind: Kind
    parts: tuple[bytes, ...]
    texts: tuple[str, ...]
    counted: int = 0
    """Bytes at the beginning of a window that were counted with the one before."""

    @property
    def is_stream(self) -> bool:
        """Whether it is searched as it is."""
        return self.kind in (Kind.STREAM, Kind.HELLO)


class Answerer:
    """Answers in a process of its own, with the needles that it was forked with."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner

    def __call__(self, questions: bytes) -> bytes:
        """`Question`s to what was `Examined`, one for each."""
        asked = msgspec.msgpack.decode(questions, type=tuple[Question, ...])
        streams = iter(
            self._examiner.examine_all([(one.parts[0], one.counted) for one in asked if one.is_stream])
        )
        return msgspec.msgpack.encode(
            [next(streams) if one.is_stream else _merged(self._concatenated(one)) for one in asked]
        )

    def _concatenated(self, asked: Question) -> list[Examined]:
        match asked.kind:
            case Kind.BODIES:
                parts = joins.of_bodies(asked.parts, self._examiner.limits.window_bytes)
                return [self._examiner.examine_joined(parts)]
            case Kind.REQUESTS:
                return self._each(joins.of_requests(asked.texts))
            case _:
                return self._each(joins.of_names(asked.texts))

    def _each(self, joined: Iterator[bytes]) -> list[Examined]:
        most = self._examiner.limits.max_joined_bytes
        kept, left_out = joins.distinct(joined, most)
        found = [self._examiner.examine(data) for data in kept]
        if left_out:
            cut = f"{left_out:,} concatenations past max_joined_bytes = {most:,}"
            found.append(Examined(hits=(), cut=cut))
        return found


def prepare() -> None:
    """What decoders load at their first use, before that becomes impossible."""
    warm_up()


def _merged(found: list[Examined]) -> Examined:
    """One answer; where names are joined in many ways, what is unread counts as in the first, which has all."""
    return Examined(
        hits=tuple(hit for one in found for hit in one.hits),
        left=found[0].left if found else Left(),
        numbers=tuple(number for one in found for number in one.numbers),
        cut=next((one.cut for one in found if one.cut), ""),
    )
