"""The keeper: the only process of a scan that changes anything, started only when there is something to keep.

Forked before lock-down, confined without network or exec. It stores verdicts in the cache and seals infected files
in the vault, on the reader's word and on descriptors that the reader opened.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from overt.core.errors import ConfinementError, VaultError
from overt.core.model import Finding
from overt.sandbox.lockdown import close_others, empty_standard_streams, lock
from overt.sandbox.policy import KEEPER
from overt.scan.cache import CacheWriter, Key

if TYPE_CHECKING:
    from overt.vault.vault import Vault

COMMIT_EVERY = 256
"""Stored chunks per transaction."""
ANSWER_TIMEOUT_S = 600.0


class Store(msgspec.Struct, frozen=True, tag=True):
    """Remember a chunk's verdicts. No answer."""

    key: Key
    files: bytes


class Seal(msgspec.Struct, frozen=True, tag=True):
    """Move the file whose descriptor comes with this to the vault. Answered by `Sealed`."""

    path: bytes
    status: tuple[tuple[int, ...], dict[str, int]]
    """What `os.fstat` said when it was examined, as `os.stat_result` takes it."""
    findings: tuple[Finding, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """Make everything durable and answer."""


class Sealed(msgspec.Struct, frozen=True):
    """The exhibit's identifier, or why there is none and where the file is."""

    id: str = ""
    other_names: int = 0
    """Hard links that still hold the content."""
    error: str = ""


class Places(msgspec.Struct, frozen=True):
    """Where the keeper keeps things; empty strings: not asked for."""

    cache: str = ""
    generation: str = ""
    vault: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Store | Seal | Done).decode


class Keeper:
    """The reader's end."""

    def __init__(self, places: Places, confined: bool = True) -> None:
        """Fork the keeper. Raises `ConfinementError` if it could not be confined."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(ANSWER_TIMEOUT_S)
        self._gone = False
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork() == 0:
            _be_keeper(theirs, places, confined)
        theirs.close()
        answer = self._control.recv(4096)
        if not answer.startswith(b"ready"):
            raise ConfinementError(answer.decode(errors="replace") or "the keeper died at start")
        self.cache_path = os.fsdecode(answer[6:])
        """The verdict cache's file; empty when there is none or it cannot be used."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the reader must keep open."""
        return (self._control.fileno(),)

    def store(self, key: Key, files: bytes) -> None:
        """Remember one chunk's verdicts."""
        self._control.send(_encode(Store(key, files)))

    def seal(self, fd: int, path: str, status: os.stat_result, findings: tuple[Finding, ...]) -> Sealed:
        """Move the open file `fd`, found at `path` with `status` when it was examined, to the vault."""
        times = {name: getattr(status, name) for name in ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")}
        numbers = tuple(int(number) for number in tuple(status)[:10])
        seal = Seal(os.fsencode(path), (numbers, times), brief(findings))
        if self._gone:
            return Sealed(error="the keeper is gone: the file stays where it is")
        try:
            socket.send_fds(self._control, [_encode(seal)], [fd])
            return msgspec.msgpack.decode(self._control.recv(1 << 16), type=Sealed)
        except (OSError, msgspec.MsgspecError) as error:
            self._gone = True  # a late answer would be taken for the next file's
            return Sealed(
                error=f"the keeper failed ({error}): see 'overt quarantine list' for where the file is"
            )

    def close(self) -> None:
        """Wait until everything is durable, and let the keeper end."""
        try:
            self._control.send(_encode(Done()))
            self._control.recv(16)
        except OSError:
            pass  # it died: what it had committed is whole, and the cache costs only time
        self._control.close()


def brief(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings with few enough places each to fit one packet."""
    return tuple(replace(finding, matches=finding.matches[:4]) for finding in findings[:100])


def _be_keeper(control: socket.socket, places: Places, confined: bool) -> None:
    """The keeper's life; never returns."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        empty_standard_streams()
        keep = (0, 1, 2, control.fileno())
        vault = _open_vault(places)
        try:
            if confined:
                lock(KEEPER, keep)
            else:
                close_others(keep)
        except ConfinementError as error:
            control.send(str(error).encode()[:4000])
            raise SystemExit(1) from error
        cache = _open_cache(places)
        control.send(b"ready " + (os.fsencode(cache.path) if cache else b""))
        _serve(control, cache, vault)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:
        if not isinstance(error, SystemExit):
            traceback.print_exc()
    finally:
        os._exit(status)


def _open_vault(places: Places) -> Vault | None:
    if not places.vault:
        return None
    from overt.vault.vault import Vault  # 30 ms that a scan without quarantine does not pay

    return Vault(Path(places.vault))


def _open_cache(places: Places) -> CacheWriter | None:
    try:
        return CacheWriter(Path(places.cache), places.generation) if places.cache else None
    except (OSError, sqlite3.Error) as error:
        print(f"overt: no verdict cache this time: {places.cache}: {error}", file=sys.stderr)
        return None


def _serve(control: socket.socket, cache: CacheWriter | None, vault: Vault | None) -> None:
    """Until the reader says it is done, or is gone."""
    pending = 0
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 18, 1)
        request = _decode(message) if message else Done()
        match request:
            case Store(key, files) if cache is not None:
                cache.store(key, files)
                pending += 1
                if pending % COMMIT_EVERY == 0:
                    cache.commit()
            case Seal() if vault is not None:
                control.send(msgspec.msgpack.encode(_seal(vault, request, fds[0])))
            case Done():
                if cache is not None:
                    cache.close()
                if message:
                    control.send(b"done")
                return
        for fd in fds:
            os.close(fd)


def _seal(vault: Vault, request: Seal, fd: int) -> Sealed:
    try:
        status = os.stat_result(*request.status)
        exhibit = vault.seal(os.fsdecode(request.path), request.findings, expected=status, source_fd=fd)
        return Sealed(id=exhibit.id, other_names=exhibit.other_names)
    except VaultError as error:
        return Sealed(error=str(error))
    except OSError as error:
        return Sealed(error=f"{error.strerror}: the file stays where it is")
