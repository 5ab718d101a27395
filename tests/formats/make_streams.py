"""Streams and tapes around the payload, each written by the tool that people use."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.payload import PAYLOAD

Build = Callable[[Path], bytes]


def piped(*command: str, content: bytes = PAYLOAD) -> bytes:
    """What `command` writes when it reads `content`."""
    return subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True).stdout


def _through(*command: str) -> Build:
    return lambda _folder: piped(*command)


def tree(folder: Path, payload: bytes = PAYLOAD) -> Path:
    """A folder with a sub-folder, an empty file, a link, a long name and the payload."""
    root = folder / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "empty").write_bytes(b"")
    (root / "link").symlink_to("empty")
    (root / ("long" * 40)).write_bytes(b"a name of 160 characters")
    (root / "sub" / "payload.bin").write_bytes(payload)
    return root


def tar(folder: Path, *options: str) -> bytes:
    """GNU tar of the tree."""
    tree(folder)
    command = ["tar", "-C", str(folder), *options, "-cf", "-", "tree"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def cpio(folder: Path, form: str) -> bytes:
    """GNU cpio of the tree in `form` (bin, odc, newc, crc)."""
    root = tree(folder)
    names = "\n".join(str(path.relative_to(folder)) for path in [root, *sorted(root.rglob("*"))])
    command = ["cpio", "--quiet", "-o", "-H", form]
    return subprocess.run(
        command, cwd=folder, input=names.encode(), stdout=subprocess.PIPE, check=True
    ).stdout


def ar(folder: Path) -> bytes:
    """binutils' ar with a long name and the payload."""
    root = tree(folder)
    members = [str(root / ("long" * 40)), str(root / "sub" / "payload.bin")]
    subprocess.run(["ar", "rc", str(folder / "lib.a"), *members], check=True)
    return (folder / "lib.a").read_bytes()


def deb(folder: Path) -> bytes:
    """A Debian package that installs the payload."""
    root = folder / "package"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: overt-test\nVersion: 1\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: test\n"
    )
    (root / "opt").mkdir()
    (root / "opt" / "payload.bin").write_bytes(PAYLOAD)
    target = folder / "test.deb"
    subprocess.run(["dpkg-deb", "--build", str(root), str(target)], check=True, stdout=subprocess.DEVNULL)
    return target.read_bytes()


COMPRESSORS: dict[str, tuple[str, ...]] = {
    "gzip": ("gzip", "-nc"),
    "bzip2": ("bzip2", "-c"),
    "xz": ("xz", "-c"),
    "lzma": ("xz", "--format=lzma", "-c"),
    "zstd": ("zstd", "-qc"),
    "lz4": ("lz4", "-qc"),
    "lzip": ("lzip", "-c"),
    "compress": ("compress", "-fc"),
}
"""Format → the command that compresses standard input."""

FIXTURES: dict[str, Build] = {
    **{name: _through(*command) for name, command in COMPRESSORS.items()},
    "lz4 legacy": _through("lz4", "-qlc"),
    "lzma small dictionary": _through("xz", "--format=lzma", "-0", "-c"),
    "tar": lambda folder: tar(folder, "--format=gnu"),
    "tar v7": lambda folder: tar(folder, "--format=v7", "--exclude=long*"),
    "tar ustar": lambda folder: tar(folder, "--format=ustar", "--exclude=long*"),
    "tar pax": lambda folder: tar(folder, "--format=posix"),
    "cpio": lambda folder: cpio(folder, "newc"),
    "cpio crc": lambda folder: cpio(folder, "crc"),
    "cpio odc": lambda folder: cpio(folder, "odc"),
    "cpio bin": lambda folder: cpio(folder, "bin"),
    "ar": ar,
    "deb": deb,
}
