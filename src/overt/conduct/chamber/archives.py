"""What unpacks an archive: by what is in it, and before anything is started."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from overt.core.errors import ConductError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OPENERS: tuple[tuple[bytes, Callable[..., Any], tuple[str, ...]], ...] = (
    (b"\x1f\x8b", gzip.open, ("gzip",)),
    (b"BZh", bz2.open, ("bzip2",)),
    (b"\xfd7zXZ\x00", lzma.open, ("xz",)),
    (b"\x5d\x00\x00", lzma.open, ("xz",)),
    (b"\x28\xb5\x2f\xfd", zstd.open, ("zstd",)),
    (b"", lambda path: open(path, "rb"), ()),
)
"""How a compressed file begins, what opens it here, and the program by which tar does; the last is not compressed."""


def unpackers(path: Path) -> tuple[str, ...]:
    """The program that unpacks the archive at `path`, and what that one runs. Raises `ConductError` for what is no
    archive of either's."""
    if not path.is_file():
        raise ConductError(f'{path} is no file: an archive is one; a folder is installed with how = "folder"')
    if tar := _tar(path):
        return tar
    if zipfile.is_zipfile(path):
        return ("unzip",)
    raise ConductError(
        f"{path} is no archive that tar or unzip unpacks (tar, also with gzip, bzip2, xz, lzma or zstd; zip): "
        'unpack it, and install the folder with how = "folder"'
    )


def _tar(path: Path) -> tuple[str, ...]:
    """As `unpackers`, if it begins as a tar archive does, inside its compression; no more of it is read."""
    with open(path, "rb") as stream:
        beginning = stream.read(8)
    opener, programs = next((opener, run) for magic, opener, run in OPENERS if beginning.startswith(magic))
    try:
        with opener(path) as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (OSError, EOFError, ValueError, lzma.LZMAError, zstd.ZstdError, tarfile.HeaderError):
        return ()
    return ("tar", *programs)
