"""Forged updates: what somebody else would send in the maker's place. Bytes in, bytes out; harmless, who ever runs it.

A forgery fits what was asked for: where a true answer was recorded it is that answer, changed so that nobody but a
check of signatures (or digests) from elsewhere can tell; else it is made up, by the ending of what was asked for. Each
carries a mark, and what may be executed of it leaves a trace where it is (`overt.conduct.evidence.marks`).
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import mmap
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from overt.conduct.evidence.marks import mark_number, mark_of, numbered, trace_of

FORGED = "forged."
"""Before a host's name in a plan: there somebody else serves files of his own making in that host's place."""
MAX_TRUE_BYTES = 16 << 20
"""Of a true answer that is changed, packed and unpacked; in place of a larger one comes something made up."""
MAX_MEMBERS = 2_000
"""Of an archive that is changed member by member."""
MAX_NESTING = 3
_VERSION = "9999.0"
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
)
"""What reading something raises that only looks like an archive."""


_BEHIND = re.compile(r"/update-([0-9a-f]{20})\.sh$")
"""Where a made-up manifest leads: no mark of what is there, which is a note, not an update."""


@dataclass(frozen=True, slots=True)
class Forging:
    """Whether updates are forged now: one byte that the lab shares with its sink, from before the sink is forked."""

    _shared: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 1))

    @property
    def now(self) -> bool:
        """Whether they are."""
        return self._shared[0] != 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """They are until this ends."""
        self._shared[0] = 1
        try:
            yield
        finally:
            self._shared[0] = 0


@dataclass(frozen=True, slots=True)
class Forgery:
    """One forged update."""

    kind: str
    """What it is, in a word: `zip`, `script`, …"""
    body: bytes
    parts: tuple[bytes, ...] = ()
    """What unpacking it gives."""

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of it and of its parts, in hex."""
        return tuple(hashlib.sha256(one).hexdigest() for one in (self.body, *self.parts))


def behind(path: str) -> str:
    """The mark of what a made-up manifest had said to be at this path; empty for other paths."""
    found = _BEHIND.search(path)
    return numbered(found[1]) if found else ""


def made_up(name: str, mark: str, host: str, wants_json: bool = False) -> Forgery:
    """What may be behind `name`, the path that was asked for, where nothing is known of it."""
    ending = PurePosixPath(name).suffix.lower()
    kind = "json" if wants_json and not ending else _BY_ENDING.get(ending, "script")
    return _MADE[kind](kind, mark, host)


def changed(name: str, true: bytes, mark: str) -> Forgery:
    """The true answer `true` to a request for `name`, with `mark` in it and otherwise as well formed as it was."""
    return _changed(name, true, mark, 0)


def _script(kind: str, mark: str, host: str = "") -> Forgery:
    return Forgery(kind, b"#!/bin/sh\n" + _shell(mark))


def _shell(mark: str) -> bytes:
    """Nothing of it is a name of a trace until a shell has put the parts together."""
    trace = trace_of(mark)
    return (
        f"# {mark}\nlab={trace[:3]}\nfor place in /var/tmp /tmp; do\n"
        f'  echo > "$place/${{lab}}{trace[3:]}" && break\ndone 2>/dev/null\n'
    ).encode()


def _python(mark: str) -> bytes:
    trace = trace_of(mark)
    return f"# {mark}\nopen('/var/tmp/{trace[:3]}' + '{trace[3:]}', 'w').close()\n".encode()


def _windows(kind: str, mark: str, host: str = "") -> Forgery:
    """Its first letters are those of a program for Windows; a shell takes it, too."""
    return Forgery(kind, b"MZ=0\n" + _shell(mark))


def _manifest(mark: str, host: str) -> dict[str, object]:
    """What is newest, where it is, and its digest: all true, of a forged update."""
    further = mark_of("behind", mark)
    url = f"/update-{mark_number(further)}.sh"
    body = _script("script", further).body
    return {
        "version": _VERSION,
        "latest": _VERSION,
        "url": f"https://{host}{url}",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "id": mark,
    }


def _json(kind: str, mark: str, host: str) -> Forgery:
    return Forgery(kind, json.dumps(_manifest(mark, host)).encode() + b"\n")


def _xml(kind: str, mark: str, host: str) -> Forgery:
    members = "".join(f"<{name}>{value}</{name}>" for name, value in _manifest(mark, host).items())
    return Forgery(kind, f'<?xml version="1.0"?>\n<update>{members}</update>\n'.encode())


def _text(kind: str, mark: str, host: str) -> Forgery:
    return Forgery(
        kind, "".join(f"{name}={value}\n" for name, value in _manifest(mark, host).items()).encode()
    )


def _rules(kind: str, mark: str, host: str = "") -> Forgery:
    return Forgery(kind, _rule(mark))


def _rule(mark: str) -> bytes:
    return f"rule {mark}\n{{\n    condition:\n        false\n}}\n".encode()


def _signature(kind: str, mark: str, host: str = "") -> Forgery:
    """A signature by nobody, or a digest of something else."""
    return Forgery(kind, hashlib.sha512(mark.encode()).hexdigest().encode() + b"  " + mark.encode() + b"\n")


def _database(kind: str, mark: str, host: str = "") -> Forgery:
    """A header as ClamAV's databases have it, 512 bytes, and an archive after it."""
    packed = _packed(_members(mark), "gz")
    head = f"ClamAV-VDB:22 Nov 2036 12-00 +0000:99999:1:90:{hashlib.md5(packed, usedforsecurity=False).hexdigest()}"
    head += f":{mark}:lab:2110968000"
    return Forgery(kind, head.encode().ljust(512) + packed, tuple(_members(mark).values()))


def _members(mark: str) -> dict[str, bytes]:
    return {
        "update.sh": _script("script", mark).body,
        "version.txt": f"{_VERSION}\n{mark}\n".encode(),
        "rules.yar": _rule(mark),
    }


def _zip(kind: str, mark: str, host: str = "") -> Forgery:
    members = _members(mark)
    return Forgery(kind, _zipped(members), tuple(members.values()))


def _tar(packing: str) -> Callable[[str, str, str], Forgery]:
    def make(kind: str, mark: str, host: str = "") -> Forgery:
        members = _members(mark)
        return Forgery(kind, _packed(members, packing), tuple(members.values()))

    return make


def _single(pack: Callable[[bytes], bytes]) -> Callable[[str, str, str], Forgery]:
    def make(kind: str, mark: str, host: str = "") -> Forgery:
        inner = _script(kind, mark).body
        return Forgery(kind, pack(inner), (inner,))

    return make


def _deb(kind: str, mark: str, host: str = "") -> Forgery:
    """A package that dpkg installs (deb(5))."""
    control = f"Package: {mark}\nVersion: {_VERSION}\nArchitecture: all\nMaintainer: the lab <lab@{host}>\n"
    inner = {
        "./control": (control + "Description: a forged update\n").encode(),
        "./postinst": _script("script", mark).body,
    }
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": _packed(inner, "gz"),
        "data.tar.gz": _packed({f"./usr/share/doc/{mark}": mark.encode()}, "gz"),
    }
    body = b"!<arch>\n" + b"".join(_ar_member(name, content) for name, content in parts.items())
    return Forgery(kind, body, (*inner.values(), mark.encode()))


def _ar_member(name: str, content: bytes) -> bytes:
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
    return head.encode() + content + b"\n" * (len(content) % 2)


def _packed(members: dict[str, bytes], packing: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755 if content.startswith(b"#!") else 0o644
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


_MADE: dict[str, Callable[[str, str, str], Forgery]] = {
    "script": _script,
    "python": lambda kind, mark, host: Forgery(kind, b"#!/usr/bin/env python3\n" + _python(mark)),
    "windows": _windows,
    "json": _json,
    "xml": _xml,
    "text": _text,
    "rules": _rules,
    "signature": _signature,
    "database": _database,
    "zip": _zip,
    "tar": _tar(""),
    "tar.gz": _tar("gz"),
    "tar.bz2": _tar("bz2"),
    "tar.xz": _tar("xz"),
    "deb": _deb,
}
_BY_ENDING = {
    ".py": "python", ".exe": "windows", ".msi": "windows", ".dll": "windows", ".json": "json", ".xml": "xml",
    ".rss": "xml", ".txt": "text", ".ini": "text", ".conf": "text", ".dat": "text", ".version": "text", ".yar": "rules",
    ".yara": "rules", ".rules": "rules", ".sig": "signature", ".asc": "signature", ".sign": "signature",
    ".sha256": "signature", ".sha512": "signature", ".md5": "signature", ".cvd": "database", ".cld": "database",
    ".cdiff": "database", ".zip": "zip", ".jar": "zip", ".whl": "zip", ".tar": "tar", ".gz": "tar.gz", ".tgz": "tar.gz",
    ".bz2": "tar.bz2", ".xz": "tar.xz", ".deb": "deb", ".html": "text",
}  # fmt: skip
"""What else is asked for is answered with a script: whoever runs whatever comes will run that."""


def _changed(name: str, true: bytes, mark: str, depth: int) -> Forgery:
    if depth < MAX_NESTING:
        for opened in (_changed_zip, _changed_tar, _changed_single):
            if forged := opened(name, true, mark, depth):
                return forged
    if true[:2] == b"#!":
        return Forgery("script", _changed_script(true, mark))
    try:
        text = true.decode("utf-8")
    except UnicodeDecodeError:
        return Forgery("file", true + b"\n" + mark.encode())
    return _changed_text(name, text, mark)


def _changed_script(true: bytes, mark: str) -> bytes:
    first, _, rest = true.partition(b"\n")
    more = _python(mark) if b"python" in first else _shell(mark) if b"sh" in first else b"# " + mark.encode()
    return first + b"\n" + more + rest


def _changed_text(name: str, text: str, mark: str) -> Forgery:
    ending = PurePosixPath(name).suffix.lower()
    if ending in (".yar", ".yara"):
        return Forgery("rules", text.encode() + b"\n" + _rule(mark))
    if ending == ".py":
        return Forgery("python", text.encode() + b"\n" + _python(mark))
    stripped = text.rstrip()
    if (ends := stripped[:1] + stripped[-1:]) in _JSON_ENDS and len(stripped) > 1:
        comma = "," if stripped[1:-1].strip() else ""
        return Forgery("json", f"{stripped[:-1]}{comma}{_JSON_ENDS[ends] % mark}{ends[1]}\n".encode())
    if stripped.startswith("<"):
        return Forgery("xml", f"{stripped}\n<!-- {mark} -->\n".encode())
    return Forgery("text", f"{stripped}\n{_one_more(stripped.rpartition(chr(10))[2], mark)}\n".encode())


_JSON_ENDS = {"{}": '"id-of-lab":"%s"', "[]": '"%s"'}


def _one_more(line: str, mark: str) -> str:
    """Another line of the same form: its last word ends with the mark."""
    words = list(re.finditer(r"[A-Za-z0-9]+", line))
    return line[: words[-1].end()] + mark + line[words[-1].end() :] if words else mark


def _changed_zip(name: str, true: bytes, mark: str, depth: int) -> Forgery | None:
    if true[:4] != b"PK\x03\x04":
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(true)) as archive:
            sizes = [info.file_size for info in archive.infolist()]
            if len(sizes) > MAX_MEMBERS or sum(sizes) > MAX_TRUE_BYTES:
                return None
            true_members = {
                info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
            }
    except _BROKEN:
        return None
    members = {
        inner: _changed(inner, content, mark, depth + 1).body for inner, content in true_members.items()
    }
    return Forgery("zip", _zipped(members), tuple(members.values()))


def _changed_tar(name: str, true: bytes, mark: str, depth: int) -> Forgery | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(true)) as archive:
            infos = archive.getmembers()
            if len(infos) > MAX_MEMBERS or sum(info.size for info in infos) > MAX_TRUE_BYTES:
                return None
            out, parts = io.BytesIO(), []
            with tarfile.open(fileobj=out, mode=f"w:{_packing(true)}") as made:  # type: ignore[call-overload]
                for info in infos:
                    content = archive.extractfile(info) if info.isfile() else None
                    if content is None:
                        made.addfile(info)
                        continue
                    forged = _changed(info.name, content.read(), mark, depth + 1).body
                    parts.append(forged)
                    info.size = len(forged)
                    made.addfile(info, io.BytesIO(forged))
    except _BROKEN:
        return None
    return Forgery(f"tar.{_packing(true)}".rstrip("."), out.getvalue(), tuple(parts)) if parts else None


def _packing(packed: bytes) -> str:
    for packing, magic in (("gz", b"\x1f\x8b"), ("bz2", b"BZh"), ("xz", b"\xfd7zXZ")):
        if packed.startswith(magic):
            return packing
    return ""


_PACKERS: dict[str, tuple[Callable[..., io.BufferedIOBase], Callable[[bytes], bytes]]] = {
    "gz": (gzip.open, gzip.compress),
    "bz2": (bz2.open, bz2.compress),
    "xz": (lzma.open, lzma.compress),
}


def _changed_single(name: str, true: bytes, mark: str, depth: int) -> Forgery | None:
    if not (packing := _packing(true)):
        return None
    unpack, pack = _PACKERS[packing]
    try:
        with unpack(io.BytesIO(true)) as stream:
            content = stream.read(MAX_TRUE_BYTES + 1)
    except _BROKEN:
        return None
    if len(content) > MAX_TRUE_BYTES:
        return None
    inner = _changed(PurePosixPath(name).stem, content, mark, depth + 1).body
    return Forgery(packing, pack(inner), (inner,))
