"""What the product sees as `/`: an overlay of its own writes, earlier layers, the masks, and the system below."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from overt.conduct.chamber import kernel
from overt.conduct.chamber.view import Kind, Mask
from overt.core.errors import ConductError

SYSTEM_TYPES = frozenset(
    "ext2 ext3 ext4 xfs btrfs f2fs zfs jfs reiserfs bcachefs squashfs erofs overlay".split()
)
"""File systems that hold parts of a system: each mount of such below the root is shown through an overlay too."""
OPAQUE = "trusted.overlay.opaque"
COMMAND_S = 120.0
MAKE_EXT4 = "mkfs.ext4 -q -F -m 0 -O ^has_journal -E lazy_itable_init=1,nodiscard".split()
"""Without a journal: what is synchronised is in its place, for whoever reads it from outside."""
PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")


def write_masks(masks: Iterable[Mask], root: Path, layer: Path) -> None:
    """Make `layer` the folder that, laid over `root`, shows it as `masks` say. Raises `OSError`."""
    for mask in masks:
        target = layer / mask.path
        _parents(root, layer, mask.path)
        match mask.kind:
            case Kind.GONE:
                os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))
            case Kind.FOLDER:
                target.mkdir(exist_ok=True)
                os.setxattr(target, OPAQUE, b"y")
                target.chmod(mask.mode)
                os.chown(target, mask.uid, mask.gid)
            case Kind.FILE:
                target.unlink(missing_ok=True)
                target.write_bytes(mask.content)
                os.chown(target, mask.uid, mask.gid)
                target.chmod(mask.mode)


def _parents(root: Path, layer: Path, path: str) -> None:
    """The folders above `path`, with the modes and owners that they have in `root`: the topmost layer's are shown."""
    for parent in reversed(Path(path).parents):
        folder = layer / parent
        if folder.is_dir():
            continue
        folder.mkdir()
        real = root / parent
        if real.is_dir():
            facts = real.stat()
            os.chown(folder, facts.st_uid, facts.st_gid)
            folder.chmod(stat.S_IMODE(facts.st_mode))


def mount_overlay(target: Path, lowers: Sequence[Path], upper: Path | None, work: Path | None) -> None:
    """Mount an overlay (kernel documentation, filesystems/overlayfs) at `target`; without `upper`, read-only. Renaming
    a folder that lies below copies it, so that the upper layer says in full what changed. Raises `OSError`."""
    options = ["lowerdir=" + ":".join(_escaped(lower, ":") for lower in lowers)]
    if upper is not None and work is not None:
        options += [f"upperdir={_escaped(upper)}", f"workdir={_escaped(work)}"]
    options += ["redirect_dir=off", "index=off", "metacopy=off"]
    flags = kernel.MS_NODEV | (0 if upper else kernel.MS_RDONLY)
    kernel.mount("overlay", target, "overlay", flags, ",".join(options))


def _escaped(path: Path, also: str = "") -> str:
    text = str(path).replace("\\", "\\\\")
    for character in "," + also:
        text = text.replace(character, "\\" + character)
    return text


def copy_layer(source: Path, target: Path) -> None:
    """Copy a layer with all that makes it one: nodes that hide, attributes, owners, times. A product may change it at
    the same time, so the copying program sees nothing of the host but its programs. Raises `ConductError`."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["/bin/cp", "-a", "/source/.", "/target"],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            preexec_fn=partial(see_only, source.absolute(), target.absolute()),
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConductError(f"the chamber's layer could not be copied: {error}") from error
    if done.returncode:
        raise ConductError(f"the chamber's layer could not be copied: {done.stderr.strip()[-500:]}")


def see_only(source: Path, target: Path) -> None:
    """In a child: its root has the host's programs, `source` and `target` (folders), and no more. Raises `OSError`."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.make_private()
    held = {
        name: os.open(path, os.O_PATH | os.O_DIRECTORY)
        for name, path in (("source", source), ("target", target))
    }
    root = Path("/proc")  # covered for this child alone
    programs = [path for path in map(Path, PROGRAMS) if path.exists()]
    bound = {path.name: os.open(path, os.O_PATH) for path in programs if not path.is_symlink()}
    links = {path.name: os.readlink(path) for path in programs if path.is_symlink()}
    kernel.mount("root", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=64k")
    for name, link in links.items():
        (root / name).symlink_to(link)
    for name, fd in (held | bound).items():
        (root / name).mkdir()
        kernel.move_here(fd, root / name)
        os.close(fd)
    os.chroot(root)
    os.chdir("/")


def size_of(folder: Path) -> int:
    """Bytes that a copy of a layer takes, with room for its folders."""
    pages = (
        -(-os.lstat(Path(top) / name).st_size // 4096) + 1
        for top, _, names in os.walk(folder)
        for name in names
    )
    return 4096 * sum(pages)


def mount_points(root: Path, shown: Iterable[str]) -> list[str]:
    """What of the system below `root` is on file systems of its own (a separate /usr or /var), as paths relative to
    `root`, parents first; only below the folders in `shown`."""
    found = set()
    tops = set(shown)
    for place, kind in kernel.mounts():
        if kind in SYSTEM_TYPES and place != root and place.is_relative_to(root) and place.is_dir():
            relative = place.relative_to(root)
            if relative.parts[0] in tops:
                found.add(str(relative))
    return sorted(found)


def make_homes(image: Path, size: int, mount_at: Path) -> None:
    """A file system (ext4) in the file `image`, mounted at `mount_at`: the kernel tells which bytes of its files are
    read. The loop device frees itself when the mount goes. Raises `ConductError`."""
    with open(image, "xb") as stream:
        stream.truncate(size)
    _run([*MAKE_EXT4, str(image)])
    _run(["mount", "-t", "ext4", "-o", "loop,nodev,noatime", str(image), str(mount_at)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if done.returncode:
        raise ConductError(f"the chamber's homes could not be made: {command[0]}: {done.stderr.strip()}")
