"""Kernel and first file system of a virtual machine, made from Debian's packages. Runs outside, before the warden."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from overt.conduct.chamber import packages
from overt.conduct.chamber.vm.cpio import Archive
from overt.core.errors import ConductError

PACKAGES = ("linux-image-cloud-amd64", "busybox-static")
DRIVERS = ("virtio_pci", "virtio_net")
LAB = ".lab"
UNPACK_S = 120.0
INSTALL_S = 1800.0
_DEPENDS = re.compile(rb"\0depends=([\w,-]*)\0")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a virtual machine starts from."""

    kernel: Path
    drivers: tuple[Path, ...]
    """In the order in which they are to be loaded."""
    busybox: Path


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


def debian(folder: Path, packages: Iterable[str] = ("systemd-sysv",)) -> Path:
    """Install a small Debian, of this machine's release, with `packages` into a folder below `folder`, by debootstrap
    in namespaces of its own; it can be a machine's `root`. Raises `ConductError`."""
    root = folder / "system"
    release = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
    if release is None or shutil.which("debootstrap") is None:
        raise ConductError("a Debian for a virtual machine is made on Debian: apt-get install debootstrap")
    private = ["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts"]
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", release[1], str(root)]
    done = subprocess.run(
        [*private, *command], capture_output=True, text=True, timeout=INSTALL_S, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise ConductError(
            f"debootstrap failed: {said[-1] if said else done.returncode}: see {root}/debootstrap"
        )
    return root


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


def write(
    parts: Parts,
    target: Path,
    settings: dict[str, str],
    root: Path | None = None,
    product: Path | None = None,
) -> None:
    """Write the first file system to `target`: busybox, or the system in the folder `root` (of debootstrap, say), with
    the folder `product` at /opt/product. `settings` are for `boot.sh`. Raises `OSError`."""
    scripts = resources.files("overt.conduct.chamber.vm")
    with gzip.open(target, "wb", compresslevel=1) as stream:
        archive = Archive(stream)  # type: ignore[arg-type]
        if root is not None:
            archive.tree(root)
        for folder in (LAB, f"{LAB}/modules", "dev", "opt", "opt/product"):
            archive.folder(folder)
        archive.device("dev/console", 5, 1)
        archive.file("init", (scripts / "boot.sh").read_bytes(), 0o755)
        for name in ("agent.sh", "agent.service"):
            archive.file(f"{LAB}/{name}", (scripts / name).read_bytes())
        archive.file(f"{LAB}/busybox", parts.busybox.read_bytes(), 0o755)
        for driver in parts.drivers:
            archive.file(f"{LAB}/modules/{driver.name}", driver.read_bytes())
        archive.file(f"{LAB}/modules.list", "".join(f"{driver.name}\n" for driver in parts.drivers).encode())
        archive.file(
            f"{LAB}/settings", "".join(f"{name}='{value}'\n" for name, value in settings.items()).encode()
        )
        if product is not None:
            archive.tree(product, "opt/product")
        archive.end()
