"""Kernel, first file system and disk of a virtual machine. The kernel is Debian's, and fetched before the warden."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from overt.conduct.chamber import layers, packages
from overt.conduct.chamber.view import ROOT_UUID
from overt.conduct.chamber.vm.cpio import Archive
from overt.core.errors import ConductError

PACKAGES = ("linux-image-cloud-amd64", "busybox-static")
DRIVERS = ("virtio_pci", "virtio_net", "virtio_blk")
LAB = ".lab"
UNPACK_S = 120.0
DISK_S = 600.0
MIB = 1 << 20
OVERHEAD_MB = 32
"""For what the file system itself takes."""
_DEPENDS = re.compile(rb"\0depends=([\w,-]*)\0")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a virtual machine starts from."""

    kernel: Path
    drivers: tuple[Path, ...]
    """In the order in which they are to be loaded."""
    busybox: Path

    @property
    def release(self) -> str:
        """The kernel's version, as `uname -r` says it."""
        return self.kernel.name.partition("-")[2]


def fetch(folder: Path) -> Parts:
    """Fetch Debian's kernel for virtual machines and busybox, and unpack them below `folder`. Raises `ConductError`."""
    unpacked = folder / "unpacked"
    for package in packages.fetch(PACKAGES, folder / "packages"):
        if package.name.startswith(("linux-image-", "busybox-static_")):
            done = subprocess.run(
                ["dpkg-deb", "--extract", str(package), str(unpacked)],
                capture_output=True,
                text=True,
                timeout=UNPACK_S,
                check=False,
            )
            if done.returncode:
                raise ConductError(f"{package.name}: {done.stderr.strip()}")
    kernel = next(iter(unpacked.glob("boot/vmlinuz-*")), None)
    busybox = next(
        (unpacked / path for path in ("bin/busybox", "usr/bin/busybox") if (unpacked / path).is_file()), None
    )
    if kernel is None or busybox is None:
        raise ConductError(
            f"{' '.join(PACKAGES)}: no kernel or no busybox in them: another version of Debian?"
        )
    return Parts(kernel, drivers(unpacked, DRIVERS), busybox)


def drivers(root: Path, wanted: Iterable[str]) -> tuple[Path, ...]:
    """The files of these modules below `root` with all that they need, which comes first; those that the kernel has
    built in have no file. Raises `ConductError` for a compressed one."""
    files = {path.stem.replace("-", "_"): path for path in root.rglob("*.ko")}
    if not files and any(root.rglob("*.ko.*")):
        raise ConductError("the kernel's modules are compressed, which this lab does not read")
    ordered: list[Path] = []

    def add(name: str) -> None:
        path = files.get(name.replace("-", "_"))
        if path is None or path in ordered:
            return
        found = _DEPENDS.search(path.read_bytes())
        for needed in found[1].decode().split(",") if found else ():
            add(needed)
        ordered.append(path)

    for name in wanted:
        add(name)
    return tuple(ordered)


def initial(parts: Parts, target: Path) -> None:
    """Write the first file system to `target`: busybox, drivers, and `boot.sh`. Raises `OSError`."""
    with gzip.open(target, "wb", compresslevel=1) as stream:
        archive = Archive(stream)  # type: ignore[arg-type]
        for folder in (LAB, f"{LAB}/modules", "dev"):
            archive.folder(folder)
        archive.device("dev/console", 5, 1)
        archive.file("init", script("boot.sh"), 0o755)
        archive.file(f"{LAB}/busybox", parts.busybox.read_bytes(), 0o755)
        for driver in parts.drivers:
            archive.file(f"{LAB}/modules/{driver.name}", driver.read_bytes())
        archive.file(f"{LAB}/modules.list", "".join(f"{driver.name}\n" for driver in parts.drivers).encode())
        archive.end()


def disk(root: Path, target: Path, free_mb: int) -> None:
    """Write a file system (ext4) with all that is in the folder `root` to the file `target`, with so much room left.
    Raises `ConductError`."""
    with open(target, "xb") as stream:
        stream.truncate((layers.size_of(root) * 5 // 4) + (free_mb + OVERHEAD_MB) * MIB)
    try:
        done = subprocess.run(
            [*layers.MAKE_EXT4, "-U", ROOT_UUID, "-d", str(root), str(target)],
            capture_output=True,
            text=True,
            timeout=DISK_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConductError(f"the virtual machine's disk could not be made: {error}") from error
    if done.returncode:
        raise ConductError(f"the virtual machine's disk could not be made: {done.stderr.strip()}")


def script(name: str) -> bytes:
    """One of the files beside this module that run in the machine."""
    return (resources.files("overt.conduct.chamber.vm") / name).read_bytes()
