"""Who reads a stranger's bundle: expendable processes without files and network, one for each question.

For an archive and a monitor, which read whatever a channel publishes. Each process gets bytes and answers values; it
may crash, hang or run out of memory, and costs its questioner an error then. One that was taken over by what it reads
can lie about that one bundle, so what a bundle unpacks to is hashed by the questioner before anything else reads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from overt.channel import contents, delta
from overt.channel.contents import Contents
from overt.core.errors import Malformed, PeerLied
from overt.engine.warm import warm_up
from overt.rules.compile import RuleText
from overt.rules.review import RuleReview
from overt.rules.review.dynamic import review_all
from overt.rules.review.lexicon import terms
from overt.rules.review.ordinary import ordinary
from overt.sandbox.expendable import Bounds, Expendables

BOUNDS = Bounds(max_memory_bytes=4 << 30, max_answer_bytes=1 << 30, deadline_s=600)
"""For one question; the review of 5,000 rules takes well under one minute."""

Value = TypeVar("Value")


class Unpack(msgspec.Struct, frozen=True, tag=True):
    """Undo the compression of a bundle."""

    frame: bytes
    sha256: str


class Read(msgspec.Struct, frozen=True, tag=True):
    """Take an uncompressed bundle apart."""

    data: bytes


class Review(msgspec.Struct, frozen=True, tag=True):
    """Review rules; `dynamic`: run them over the corpus too."""

    texts: tuple[RuleText, ...]
    dynamic: bool


class Readers:
    """Start them before this process locks itself down."""

    def __init__(
        self,
        confined: bool = True,
        dynamic: bool = True,
        bounds: Bounds = BOUNDS,
        answer: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """`answer` is who answers, when it is to be more than these questions. Raises `ConfinementError`."""
        self._dynamic = dynamic
        self._expendables = Expendables(answer or _answer, bounds, confined, prepare)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What must stay open."""
        return self._expendables.descriptors

    def unpack(self, frame: bytes, sha256: str) -> bytes:
        """The bundle `sha256` (lower-case hexadecimal). Raises `Malformed`, `PeerLied`, `WorkerDied`."""
        data = self._expendables.ask(msgspec.msgpack.encode(Unpack(frame, sha256)))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise PeerLied(f"bundle: what was unpacked is not the bundle {sha256}")
        return data

    def read(self, data: bytes) -> Contents:
        """What a bundle holds. Raises `Malformed`, `PeerLied`, `WorkerDied`."""
        return self.asked(Read(data), Contents)

    def review(self, texts: Sequence[RuleText]) -> tuple[RuleReview, ...]:
        """Review the rules of these files: a `Reviewer`. Raises `WorkerDied`."""
        return self.asked(Review(tuple(texts), self._dynamic), tuple[RuleReview, ...]) if texts else ()

    def asked(self, question: msgspec.Struct, kind: type[Value]) -> Value:
        """The answer to a question, as the value that it must be. Raises `Malformed` for another."""
        said = self._expendables.ask(msgspec.msgpack.encode(question))
        try:
            return msgspec.msgpack.decode(said, type=kind)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Malformed(f"bundle: the worker gave no whole answer ({error})") from None

    def close(self) -> None:
        """End them."""
        self._expendables.close()


def prepare() -> None:
    """What is read from disk, before that becomes impossible."""
    terms()
    ordinary("")
    ordinary("some text")
    warm_up()
    frame = delta.compress(b"warm")
    delta.decompress(frame, hashlib.sha256(b"warm").hexdigest())


def answered(asked: Unpack | Read | Review) -> bytes:
    """In the worker."""
    match asked:
        case Unpack():
            return delta.decompress(asked.frame, asked.sha256)
        case Read():
            return msgspec.msgpack.encode(contents.read(asked.data))
        case Review():
            return msgspec.msgpack.encode(review_all(asked.texts, asked.dynamic).rules)


def _answer(data: bytes) -> bytes:
    asked: Unpack | Read | Review = msgspec.msgpack.decode(data, type=Unpack | Read | Review)
    return answered(asked)
