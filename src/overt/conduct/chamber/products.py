"""How a product comes into the chamber: what is copied or shown, what is run to install it, and its digests.

`prepare` runs outside, before the warden, since packages may have to be fetched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from overt.conduct import profile
from overt.conduct.chamber import archives, inside, packages
from overt.conduct.chamber.plan import PATH, Shown
from overt.conduct.evidence.records import Package
from overt.core.errors import ConductError

PACKAGES = "/opt/packages"
"""Where packages, archives and wheels are inside."""
DPKG = f"dpkg --force-unsafe-io --install --recursive {PACKAGES}"
"""Once more if it fails: what must be configured before another package can be unpacked (Pre-Depends) is so then."""
PRODUCT = profile.PLACES["product"]
PACKAGE_FOLDERS = ("site-packages", "dist-packages")
TAR_OPTIONS = {"gzip": "-z", "bzip2": "-j", "xz": "-J", "zstd": "--zstd"}
"""How tar is told by which program; busybox's does not find that out by itself."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A product on its way into a chamber."""

    subject: tuple[Package, ...]
    """What it is made of: package files, or a folder as one (`digest`)."""
    shown: tuple[Shown, ...] = ()
    copies: tuple[tuple[Path, str], ...] = ()
    """(file or folder outside, path inside): for `Chamber.bring`."""
    commands: tuple[tuple[str, ...], ...] = field(default=())
    """What the install step runs, one after the other, as root; none: there is nothing to run."""
    path_prefix: str = ""
    """A folder that goes to the front of PATH, or the empty string."""


def prepare(install: profile.Install, base: Path, work: Path, system: Path = Path("/")) -> Prepared:
    """What `install` needs on the system below `system`; paths in it are relative to `base`; files that are fetched go
    below `work`.

    Raises `ConductError` when something is missing or can't be fetched.
    """
    match install:
        case profile.Present(files=files):
            return _present([Path(file) for file in files])
        case profile.Overt():
            return _overt(system)
        case profile.Debian():
            return _debian(install, base, work / "packages", system)
        case profile.Archive(path=path):
            return _archive(_there(base / path), system)
        case profile.Wheel(folder=folder, name=name):
            return _wheel(_there(base / folder), name, system)
        case profile.Folder(path=path):
            source = _there(base / path)
            return Prepared((package(source.resolve().name, source),), copies=((source, PRODUCT),))
        case profile.Script(path=path, arguments=arguments):
            return _script(_there(base / path), arguments, system)


def _present(files: Iterable[Path]) -> Prepared:
    there = [_there(path) for path in files]
    subject = tuple(package(str(path), path) for path in there)
    return Prepared(subject, shown=tuple(Shown(path, str(path)) for path in there))


def _overt(system: Path) -> Prepared:
    """The interpreter, its libraries and the sources that this process runs from."""
    interpreter = Path(sys.executable).resolve()
    if interpreter.is_relative_to("/usr"):
        _need(system, str(interpreter))
    sources = Path(__file__).parents[2]
    places = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        sources.parent,
        *(Path(path) for path in sys.path if path.endswith(PACKAGE_FOLDERS)),
    }
    places |= {place.resolve() for place in places}
    outer = [
        place
        for place in sorted(places)
        if place.is_dir() and place != Path("/usr") and not any(above in places for above in place.parents)
    ]
    scripts = sysconfig.get_path("scripts")
    subject = (package(sources.name, sources),)
    return Prepared(subject, shown=tuple(Shown(place, str(place)) for place in outer), path_prefix=scripts)


def _debian(install: profile.Debian, base: Path, folder: Path, system: Path) -> Prepared:
    _need(system, "sh", "dpkg")
    folder.mkdir(parents=True, exist_ok=True)
    given = [_there(base / file) for file in install.files]
    fetched = packages.fetch(install.packages, folder / "fetched", system) if install.packages else ()
    chosen = folder / "chosen"
    chosen.mkdir(exist_ok=True)
    for path in (*fetched, *given):
        shutil.copy2(path, chosen / path.name)
    if not any(chosen.iterdir()):
        raise ConductError("the profile names no Debian package and no .deb file: give one in [install]")
    return Prepared(
        tuple(_debian_package(path, system) for path in sorted(chosen.iterdir())),
        copies=((chosen, PACKAGES),),
        commands=(("env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", f"{DPKG} || {DPKG}"),),
    )


def _debian_package(path: Path, system: Path) -> Package:
    listed = packages.listed(path, system)
    return msgspec.structs.replace(package(path.name, path), files=listed.files, set_id=listed.set_id)


def _archive(path: Path, system: Path) -> Prepared:
    place = f"{PACKAGES}/{path.name}"
    programs = archives.unpackers(path)
    _need(system, "mkdir", *programs)
    told = [TAR_OPTIONS[program] for program in programs[1:]]
    unpack = ("unzip", "-q", place, "-d") if programs[0] == "unzip" else ("tar", *told, "-xf", place, "-C")
    return Prepared(
        (package(path.name, path),),
        copies=((path, place),),
        commands=(("mkdir", "-p", PRODUCT), (*unpack, PRODUCT)),
    )


def _wheel(folder: Path, name: str, system: Path) -> Prepared:
    _need(system, "python3")
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise ConductError(
            f"{folder}: no wheel (*.whl) in it: 'pip download -d {folder} {name}' fetches them"
        )
    pip = (f"{PRODUCT}/bin/python", "-m", "pip", "install", "--no-index", "--find-links", PACKAGES, name)
    return Prepared(
        tuple(package(wheel.name, wheel) for wheel in wheels),
        copies=((folder, PACKAGES),),
        commands=(("python3", "-m", "venv", PRODUCT), pip),
        path_prefix=f"{PRODUCT}/bin",
    )


def _script(path: Path, arguments: tuple[str, ...], system: Path) -> Prepared:
    place = f"{PRODUCT}/{path.name}"
    start = (place,) if os.access(path, os.X_OK) else ("sh", place)
    if start[0] == "sh":
        _need(system, "sh")
    return Prepared(
        (package(path.name, path), package(f"{path.parent.resolve().name}/", path.parent)),
        copies=((path.parent, PRODUCT),),
        commands=((*start, *arguments),),
    )


def _need(system: Path, *programs: str) -> None:
    """What the installation runs must be on the system below `system`. Raises `ConductError`."""
    if lacking := [one for one in programs if not _has(system, one)]:
        raise ConductError(
            f"the system below {system} has no {' and no '.join(lacking)}, which the profile's [install] takes: "
            "install it there, or choose another system"
        )


def _has(system: Path, program: str) -> bool:
    folders = [""] if program.startswith("/") else PATH.split(":")
    return any(inside.at(system, f"{folder}/{program}").is_file() for folder in folders)


def _there(path: Path) -> Path:
    if not path.exists():
        raise ConductError(f"{path}: not there, and the profile's [install] names it")
    return path


def package(name: str, path: Path) -> Package:
    """The record of a file or folder. Raises `OSError`."""
    return Package(
        name=name, sha256=digest(path), size=sum(one.stat().st_size for one in _parts(path).values())
    )


def digest(path: Path) -> str:
    """SHA-256, in hex, of a file; of a folder: of the lines that `sha256sum` would print for its files, in the order of
    their paths below it (bytewise), without compiled Python. Raises `OSError`."""
    if path.is_file():
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    parts = _parts(path)
    lines = (f"{digest(parts[name])}  {name}\n" for name in sorted(parts, key=os.fsencode))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _parts(path: Path) -> dict[str, Path]:
    """The files below a folder, by their paths from it; a file is its own only part."""
    if path.is_file():
        return {path.name: path}
    return {
        found.relative_to(path).as_posix(): found
        for found in path.rglob("*")
        if found.is_file() and not found.is_symlink() and "__pycache__" not in found.parts
    }
