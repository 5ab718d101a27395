"""Debian packages of a product, with what they need that is not installed here, fetched by the machine's own apt.

Runs outside the chamber, which has no network. Nothing of the machine's package state is written: lists are read,
everything else that apt would write is in the folder that is given.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from overt.core.errors import ConductError

FETCH_S = 900.0
NEXT_STEP = "run 'apt-get update', or give the .deb files"


def fetch(names: Sequence[str], folder: Path, system: Path = Path("/")) -> tuple[Path, ...]:
    """Fetch the packages `names`, installed or not, and what they depend on that the system below `system` lacks, into
    `folder`, at the versions that apt would install. Returns the `.deb` files by name. Raises `ConductError`."""
    archives = folder.resolve()
    own = archives / ".apt"
    for path in (archives / "partial", own / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::Cache": own,
        "Dir::Cache::archives": archives,
        "Dir::Log": own,
        "Dir::State::status": system.absolute() / "var/lib/dpkg/status",
        "Dir::State::extended_states": own / "extended_states",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "true",
        "APT::Install-Recommends": "false",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    command = [
        "apt-get",
        "install",
        "--download-only",
        "--reinstall",
        "--yes",
        "--quiet",
        *options,
        "--",
        *names,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    except FileNotFoundError as error:
        raise ConductError(
            "apt-get is not on this machine: Debian packages need it, or give .deb files"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ConductError(
            f"apt-get took over {FETCH_S:.0f} s to fetch {' '.join(names)}: {NEXT_STEP}"
        ) from error
    if done.returncode:
        why = next((line for line in done.stderr.splitlines() if line.startswith("E:")), done.stderr.strip())
        raise ConductError(f"packages {' '.join(names)} could not be fetched: {why}: {NEXT_STEP}")
    found = tuple(sorted(archives.glob("*.deb")))
    for name in names:
        if not any(path.name.startswith(f"{name.split('=')[0].split(':')[0]}_") for path in found):
            raise ConductError(f"apt-get fetched nothing for {name}: {NEXT_STEP}")
    return found


class Listed(NamedTuple):
    """What a package says that it installs: absolute paths, without folders."""

    files: tuple[str, ...]
    set_id: tuple[str, ...]
    """Those of `files` that give the rights of their owner or group to whoever runs them."""


def listed(package: Path, system: Path = Path("/")) -> Listed:
    """What the `.deb` file `package` itself lists, read outside the chamber, where its scripts have no say; as the
    system below `system` names it, on which /lib may be a link. Raises `ConductError`."""
    command = ["dpkg-deb", "--fsys-tarfile", "--", str(package)]
    try:
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacking,
            tarfile.open(fileobj=unpacking.stdout, mode="r|") as content,
        ):
            found = {_inside(one.name, system): one for one in content if not one.isdir()}
    except FileNotFoundError as error:
        raise ConductError(
            "dpkg-deb is not on this machine: what a .deb file lists is read with it"
        ) from error
    except tarfile.TarError as error:
        raise ConductError(f"{package.name} can't be read as a Debian package: {error}") from error
    special = (path for path, one in found.items() if one.isfile() and one.mode & 0o6000)
    return Listed(tuple(sorted(found)), tuple(sorted(special)))


def _inside(name: str, system: Path) -> str:
    """`./lib/x` is /usr/lib/x where /lib is a link to that."""
    path = PurePosixPath("/", os.path.normpath(name))
    if len(path.parts) > 2 and (top := system / path.parts[1]).is_symlink():
        path = PurePosixPath("/", top.readlink(), *path.parts[2:])
    return str(path)
