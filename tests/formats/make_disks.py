"""Fixtures: discs, file systems, partitioned and virtual disks with the payload in them, made by the usual tools."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.formats import archive_writers as write
from tests.formats.make_archives import MEMBER, run, tree
from tests.payload import PAYLOAD

SECTOR_BYTES = 512
MIB = 1 << 20


def _blank(folder: Path, size: int) -> Path:
    image = folder / "made"
    with image.open("wb") as file:
        file.truncate(size)
    return image


def _disc(folder: Path, *options: str) -> bytes:
    tree(folder)
    return run(folder, "genisoimage", "-quiet", "-o", "made", *options, "tree")


def _ext(folder: Path) -> bytes:
    tree(folder)
    _blank(folder, 2 * MIB)
    return run(folder, "mke2fs", "-q", "-t", "ext4", "-d", "tree", "made")


def _ntfs(folder: Path) -> bytes:
    tree(folder)
    _blank(folder, 4 * MIB)
    run(folder, "mkntfs", "-QFq", "-s", "512", "-p", "0", "-H", "0", "-S", "0", "made")
    return run(folder, "ntfscp", "-fq", "made", f"tree/{MEMBER}", MEMBER)


def _fat(folder: Path) -> bytes:
    tree(folder)
    run(folder, "mformat", "-C", "-i", "made", "-f", "720", "::")
    return run(folder, "mcopy", "-i", "made", f"tree/{MEMBER}", f"::{MEMBER}")


def _apm(folder: Path) -> bytes:
    """An ISO 9660 disc that is also an HFS+ disc with a partition map."""
    tree(folder)
    return run(folder, "xorriso", "-as", "mkisofs", "-quiet", "-hfsplus", "-o", "made", "tree")


def _hfs(folder: Path) -> bytes:
    disc = _apm(folder)
    start = disc.index(b"H+\0\4") - 1024
    block_bytes, blocks = struct.unpack_from(">II", disc, start + 1024 + 40)
    return disc[start : start + block_bytes * blocks]


def _squashfs(folder: Path) -> bytes:
    tree(folder)
    return run(folder, "mksquashfs", "tree", "made", "-quiet", "-no-progress", "-no-xattrs")


def _cramfs(folder: Path) -> bytes:
    tree(folder)
    return run(folder, "mkfs.cramfs", "tree", "made")


def _disk(folder: Path, gpt: bool = False) -> bytes:
    """A disk with one partition, a FAT file system."""
    volume = _fat(folder)
    first, sectors = 2048, len(volume) // SECTOR_BYTES
    _blank(folder, 3 * MIB)
    if gpt:
        run(folder, "sgdisk", "-n", f"1:{first}:{first + sectors - 1}", "-t", "1:0700", "made")
    disk = bytearray((folder / "made").read_bytes())
    if not gpt:
        disk[446:462] = struct.pack("<B3xB3xII", 0x80, 0x0E, first, sectors)
        disk[510:512] = b"\x55\xaa"
    disk[first * SECTOR_BYTES : first * SECTOR_BYTES + len(volume)] = volume
    return bytes(disk)


def _virtual(kind: str, folder: Path) -> bytes:
    (folder / "raw").write_bytes(_disk(folder))
    return run(folder, "qemu-img", "convert", "-f", "raw", "-O", kind, "raw", "disk", read="disk")


def _dmg(_: Path) -> bytes:
    return write.udif(PAYLOAD.ljust(8 * SECTOR_BYTES, b"\0"))


FIXTURES: dict[str, Callable[[Path], bytes]] = {
    "iso9660": lambda folder: _disc(folder, "-J", "-R"),
    "udf": lambda folder: _disc(folder, "-udf"),
    "dmg": _dmg,
    "hfs": _hfs,
    "squashfs": _squashfs,
    "cramfs": _cramfs,
    "ext": _ext,
    "ntfs": _ntfs,
    "fat": _fat,
    "gpt": partial(_disk, gpt=True),
    "apm": _apm,
    "mbr": _disk,
    "vhd": partial(_virtual, "vpc"),
    "vhdx": partial(_virtual, "vhdx"),
    "vmdk": partial(_virtual, "vmdk"),
    "vdi": partial(_virtual, "vdi"),
    "qcow": partial(_virtual, "qcow2"),
}
