"""Where the rule sources of a release are found, so that its bundle can be built again.

    BASE/SERIAL/sources.toml     a folder on this machine: what 'overt channel build' read for release SERIAL
    BASE/SERIAL.tar.gz           the same folder as an archive, here or on a server

Sources are data from the publisher: what `sources.toml` names must lie in the same folder.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from overt.channel.publisher import sources as listed
from overt.channel.publisher.sources import Sources
from overt.channel.tree import Tree
from overt.core.errors import Malformed, OvertError

LIST = "sources.toml"
MAX_ARCHIVE_BYTES = 256 << 20
MAX_UNPACKED_BYTES = 1 << 30
MAX_FILES = 200_000
_PIECE = 1 << 20

Given = bytes | Path
"""An archive of sources, or the folder that holds them."""

Find = Callable[[int], Given]
"""Serial → the release's sources. Raises `FileNotFoundError` for none, `OSError`, `OvertError`."""


def in_folder(base: Path) -> Find:
    """Sources on this machine."""

    def find(serial: int) -> Given:
        folder = base / str(serial)
        if folder.is_dir():
            return folder
        with open(base / f"{serial}.tar.gz", "rb") as stream:
            data = stream.read(MAX_ARCHIVE_BYTES + 1)
        if len(data) > MAX_ARCHIVE_BYTES:
            raise Malformed(f"{stream.name}: more than {MAX_ARCHIVE_BYTES:,} bytes")
        return data

    return find


def on_server(tree: Tree) -> Find:
    """Sources below an address."""
    return lambda serial: tree(f"{serial}.tar.gz", MAX_ARCHIVE_BYTES)


@contextmanager
def opened(given: Given) -> Iterator[Sources]:
    """What a build reads; an archive is unpacked for as long as that takes. Raises `Malformed`, `UsageError`."""
    if isinstance(given, Path):
        yield _read(given)
        return
    with _unpacked(given) as unpacked:
        try:
            yield _read(unpacked)
        except OvertError as error:  # its words are published, and the folder has a name for this time only
            raise type(error)(str(error).replace(f"{unpacked}/", "")) from None


def _read(folder: Path) -> Sources:
    """The sources in `folder`. Raises `Malformed` for a path that leads out of it, `UsageError`."""
    found = listed.read(folder / LIST)
    inside = folder.resolve()
    for origin in found.source:
        for path in origin.paths:
            if not Path(path).resolve().is_relative_to(inside):
                raise Malformed(f"{LIST}: source {origin.name!r} names a path outside its folder")
    return found


@contextmanager
def _unpacked(data: bytes) -> Iterator[Path]:
    """The archive's plain files in a folder that goes away again; links and devices are refused."""
    with tempfile.TemporaryDirectory(prefix="overt-sources-") as scratch:
        folder = Path(scratch)
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r|gz") as archive:
                _unpack(archive, folder)
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise Malformed(f"the sources are no tar archive: {error}") from None
        yield folder


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    room = MAX_UNPACKED_BYTES
    for count, member in enumerate(archive):
        path = PurePosixPath(member.name)
        odd = path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir())
        if odd or count >= MAX_FILES:
            raise Malformed(f"the sources' archive holds {member.name!r}, which is no plain file below it")
        target = folder / path
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        room -= _copy(archive, member, target, room)


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, room: int) -> int:
    """Write one file; its size in bytes, counted as it is read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    stream = archive.extractfile(member)
    size = 0
    with open(target, "xb") as out:
        while stream and (piece := stream.read(_PIECE)):
            size += len(piece)
            if size > room:
                raise Malformed(f"the sources unpack to more than {MAX_UNPACKED_BYTES:,} bytes")
            out.write(piece)
    return size
