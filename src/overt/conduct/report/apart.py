"""Work on a stranger's evidence, in a process that is ended when it takes too long or needs too much: patterns and
paths may be made for each other, so that to match them would take years, and records may be more than memory holds.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

import msgspec

from overt.core.errors import ConductError, OvertError

T = TypeVar("T")

MAX_S = 900.0
"""Seconds; the largest report of our own takes some."""
MAX_MEMORY_BYTES = 4 << 30
"""Address space of the process (kernel: RLIMIT_AS)."""
_DONE, _FAILED = b"\1", b"\0"


def done(work: Callable[[], object], kind: type[T], doing: str) -> T:
    """What `work` gives, which is a `kind`; `doing` says in messages what it does (`to judge this evidence`).

    Raises `ConductError` with its own error's words, or because it took too long, needed too much or died.
    """
    forking = multiprocessing.get_context("fork")
    reading, writing = forking.Pipe(duplex=False)
    process = forking.Process(target=_do, args=(work, doing, writing), daemon=True)
    process.start()
    writing.close()
    try:
        if not reading.poll(MAX_S):
            raise ConductError(f"{doing} took over {MAX_S:.0f} s, and was given up")
        said = reading.recv_bytes()
    except EOFError:
        raise ConductError(f"{doing} failed: the process that did it died") from None
    finally:
        process.kill()
        process.join()
        reading.close()
    if said[:1] != _DONE:
        raise ConductError(said[1:].decode(errors="replace"))
    return msgspec.msgpack.decode(said[1:], type=kind)


def _do(work: Callable[[], object], doing: str, writing: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    try:
        said = _DONE + msgspec.msgpack.encode(work())
    except OvertError as error:
        said = _FAILED + str(error).encode(errors="replace")
    except MemoryError:
        said = _FAILED + f"{doing} needs more than {MAX_MEMORY_BYTES >> 30} GiB, and was given up".encode()
    writing.send_bytes(said)
