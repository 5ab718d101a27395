"""Archives of rules, read in memory: nothing of them touches the disk before it is encoded."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from overt.core.errors import UsageError
from overt.rules.lines import Content

MAX_TOTAL_BYTES = 2 << 30
"""Bytes that one archive may unpack to, all members together."""
MAX_MEMBER_BYTES = 1 << 30
MAX_MEMBERS = 200_000


@dataclass(slots=True)
class Allowance:
    """What is left of the limits while one archive is read."""

    bytes: int = MAX_TOTAL_BYTES
    members: int = MAX_MEMBERS

    def take(self, where: str, size: int) -> None:
        """Count one member. Raises `UsageError` past a limit."""
        self.members -= 1
        self.bytes -= size
        if self.members < 0 or self.bytes < 0 or size > MAX_MEMBER_BYTES:
            raise UsageError(
                f"{where} unpacks to more than {MAX_TOTAL_BYTES} bytes or {MAX_MEMBERS} files: unpack it yourself "
                "and add what you need"
            )


def is_archive(data: Content) -> bool:
    """Whether `data` looks like a zip or a (compressed) tar file."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06") or _is_tar(data)


def members(where: str, data: Content) -> Iterator[tuple[str, bytes]]:
    """Name and content of each regular file in the archive `data`, counted as it is unpacked. Raises `UsageError`
    when it is damaged or too big."""
    allowance = Allowance()
    try:
        yield from (_tar if _is_tar(data) else _zip)(where, data, allowance)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise UsageError(f"{where} is damaged ({error}): fetch it again") from error
    except (RuntimeError, NotImplementedError) as error:
        raise UsageError(
            f"{where} can't be unpacked here ({error}): unpack it yourself and add the folder"
        ) from error


def _is_tar(data: Content) -> bool:
    return (
        data[:2] == b"\x1f\x8b"
        or data[:3] == b"BZh"
        or data[:6] == b"\xfd7zXZ\0"
        or data[257:262] == b"ustar"
    )


def _zip(where: str, data: Content, allowance: Allowance) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as file:
                    yield info.filename, _read(where, file, allowance)


def _tar(where: str, data: Content, allowance: Allowance) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            if file is None:
                allowance.take(where, 0)
                continue
            yield info.name, _read(where, file, allowance)


def _read(where: str, file: IO[bytes], allowance: Allowance) -> bytes:
    content = file.read(min(MAX_MEMBER_BYTES, allowance.bytes) + 1)
    allowance.take(where, len(content))
    return content
