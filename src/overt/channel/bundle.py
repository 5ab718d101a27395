"""A bundle: rules and hash lists in one tar archive that has exactly one encoding, so that anyone can rebuild it.

    hashes/PART/ALGORITHM[.sections].jsonl    one JSON object a line, in the order of the digests
    manifest.json                             `overt.channel.manifest`
    rules/PART/FILE                           YARA as text

POSIX ustar (IEEE Std 1003.1, "pax"), extended headers only for names that need them; members sorted by name; mode
0644, owner and times zero. `tar -tvf` shows it. The target that TUF and the log speak of are these bytes, uncompressed.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from overt.channel import manifest
from overt.channel.layout import MAX_BUNDLE_BYTES
from overt.channel.manifest import LEVELS_OF_LISTS, NOT_REVIEWED, HashList, Manifest, Rule
from overt.core import canonical
from overt.core.errors import Malformed

MAX_MEMBERS = 200_000
MODE = 0o644
DIGEST_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}
"""Algorithm → hexadecimal digits of its digest."""
_HASHES = re.compile(r"hashes/[^/]+/(md5|sha1|sha256)(\.sections)?\.jsonl", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read: its manifest, and its other files by path."""

    manifest: Manifest
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class HashEntry:
    """One line of a hash list: `digest` in lower-case hexadecimal, `size` in bytes (-1: not known)."""

    digest: str
    name: str
    size: int = -1
    severity: str = "high"
    description: str = ""
    reference: str = ""
    author: str = ""

    def encode(self) -> bytes:
        """The line with its end; what has the usual value is left out."""
        members: dict[str, str | int] = {"digest": self.digest, "name": self.name}
        for key, usual in _OPTIONAL.items():
            if (value := getattr(self, key)) != usual:
                members[key] = value
        return canonical.encode(members) + b"\n"


_OPTIONAL: dict[str, str | int] = {
    "size": -1,
    "severity": "high",
    "description": "",
    "reference": "",
    "author": "",
}


def build(contents: Manifest, files: Mapping[str, bytes]) -> bytes:
    """The bundle's bytes. Raises `Malformed` when the files and the manifest don't belong together."""
    check(contents, files)
    data = _archive({**files, manifest.PATH: manifest.encode(contents)})
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed(
            f"bundle: {len(data):,} bytes are more than {MAX_BUNDLE_BYTES:,}: leave something out"
        )
    return data


def read(data: bytes) -> Bundle:
    """The bundle in `data`. Raises `Malformed` for anything but the one encoding of its contents."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed(f"bundle: {len(data):,} bytes are more than {MAX_BUNDLE_BYTES:,}")
    try:
        members = _members(data)
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise Malformed(f"bundle: not a tar archive ({error})") from None
    if manifest.PATH not in members:
        raise Malformed(f"bundle: {manifest.PATH} is missing")
    if _archive(members) != data:
        raise Malformed("bundle: its contents have another encoding")
    contents = manifest.parse(members.pop(manifest.PATH))
    check(contents, members)
    return Bundle(contents, members)


def check(contents: Manifest, files: Mapping[str, bytes]) -> None:
    """That paths are what they may be, and that manifest and files name each other. Raises `Malformed`."""
    for path in files:
        _check_path(path)
    parts = {part.name for part in contents.parts}
    named: set[str] = set()
    items: tuple[Rule | HashList, ...] = (*contents.rules, *contents.hashes)
    for part, file in dict.fromkeys((item.part, item.file) for item in items):
        if part not in parts or PurePosixPath(file).parts[1:2] != (part,):
            raise Malformed(f"bundle: {file} is not of a part that the manifest names")
        named.add(file)
    if named != set(files):
        odd = sorted(named ^ set(files))[0]
        raise Malformed(f"bundle: {odd!r} is in the manifest or among the files, not in both")
    if len({listed.file for listed in contents.hashes}) != len(contents.hashes):
        raise Malformed("bundle: a list of hashes is in the manifest twice")
    for listed in contents.hashes:
        _check_list(listed, files[listed.file])


def _check_list(listed: HashList, data: bytes) -> None:
    """That a list is of the kind its name says, has as many lines as stated, and states the review that its declared
    content gets, or none."""
    match = _HASHES.fullmatch(listed.file)
    if not match or (listed.algorithm, listed.sections) != (match[1], match[2] is not None):
        raise Malformed(f"bundle: {listed.file} is no list of {listed.algorithm} hashes")
    if listed.entries != data.count(b"\n"):
        raise Malformed(
            f"bundle: {listed.file} has not the {listed.entries:,} entries that the manifest states"
        )
    if listed.content not in LEVELS_OF_LISTS:
        raise Malformed(
            f"bundle: {listed.file} is declared to be of {listed.content!r}, which is nothing known"
        )
    level = listed.review.get("level")
    if level not in (LEVELS_OF_LISTS[listed.content], NOT_REVIEWED["level"]):
        content = listed.content or "files of an unknown kind"
        raise Malformed(f"bundle: {listed.file}: the review of a list of {content} is not {level!r}")


def hash_entries(path: str, data: bytes) -> Iterator[HashEntry]:
    """The entries of the hash list `path`, in bounded memory. Raises `Malformed` for a line that has another encoding,
    is out of order or not of this list's algorithm."""
    match = _HASHES.fullmatch(path)
    if not match:
        raise Malformed(f"bundle: {path!r} is no hash list")
    previous = ""
    for number, line in enumerate(io.BytesIO(data), 1):
        entry = _entry(line)
        good = entry is not None and len(entry.digest) == DIGEST_DIGITS[match[1]] and entry.digest > previous
        if entry is None or not good or entry.encode() != line:
            raise Malformed(f"{path}:{number}: not the next entry of a list of {match[1]} hashes")
        previous = entry.digest
        yield entry


def _entry(line: bytes) -> HashEntry | None:
    try:
        value = canonical.decode(line.removesuffix(b"\n"))
        entry = HashEntry(**value)
    except (canonical.NotCanonical, TypeError):
        return None
    texts = (entry.digest, entry.name, entry.severity, entry.description, entry.reference, entry.author)
    whole = isinstance(entry.size, int) and not isinstance(entry.size, bool) and entry.size >= -1
    return (
        entry if whole and all(isinstance(t, str) for t in texts) and _HEX.fullmatch(entry.digest) else None
    )


def _check_path(path: str) -> None:
    pure = PurePosixPath(path)
    plain = str(pure) == path and path.isprintable() and not {"\\", ":"} & set(path) and path.isascii()
    if not plain or ".." in pure.parts or len(pure.parts) < 3 or pure.parts[0] not in ("rules", "hashes"):
        raise Malformed(f"bundle: {path!r} is not a path below rules/PART/ or hashes/PART/")
    if pure.parts[0] == "hashes" and not _HASHES.fullmatch(path):
        raise Malformed(f"bundle: {path!r} does not say which hashes it lists")


def _archive(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive:
        for name in sorted(members):
            header = tarfile.TarInfo(name)
            header.size = len(members[name])
            header.mode = MODE
            archive.addfile(header, io.BytesIO(members[name]))
    return target.getvalue()


def _members(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="strict") as archive:
        for member in _limited(archive):
            if member.type != tarfile.REGTYPE or member.sparse or member.name in found:
                raise Malformed(f"bundle: {member.name!r} is not one plain file")
            content = archive.extractfile(member)
            found[member.name] = content.read() if content else b""
    return found


def _limited(archive: Iterable[tarfile.TarInfo]) -> Iterator[tarfile.TarInfo]:
    for count, member in enumerate(archive):
        if count >= MAX_MEMBERS:
            raise Malformed(f"bundle: more than {MAX_MEMBERS:,} files")
        yield member
