"""The installed packages that a release requires: their versions, their files, and whose word there is for them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from overt.channel.install.distributions import Installed, normalised, recorded_sha256, sha256_of
from overt.channel.install.finding import Finding, Kind, problem, unverified
from overt.channel.install.place import Place
from overt.channel.install.record import ProgramRelease
from overt.core.errors import UsageError


@dataclass(frozen=True)
class Dependency:
    """An installed package that the release requires, and the file hashes to hold it to."""

    installed: Installed
    expected: Mapping[Path, str]
    proven: bool
    """The hashes come from an archive that the release names, not from the package's own RECORD."""


def gather(
    release: ProgramRelease, others: Sequence[Installed], wheels: Path | None
) -> tuple[Dependency, ...]:
    """What is installed of what is required. Raises `UsageError` for a folder of wheels that can't be read."""
    archives = {digest: one.name for one in release.requires for digest in one.archives}
    pinned = _pinned(wheels, archives) if wheels else {}
    wanted = {one.name for one in release.requires}
    return tuple(_dependency(one, pinned.get(one.name)) for one in others if one.name in wanted)


def _dependency(one: Installed, wheel: Path | None) -> Dependency:
    own = {entry.path: entry.sha256 for entry in one.entries if not entry.path.name.endswith(".pyc")}
    if wheel is None:
        return Dependency(one, own, False)
    hashes = _wheel_hashes(wheel, one.info)
    loose = {path: "" for path in own if path not in hashes and _by_installer(path, one.info)}
    return Dependency(one, {**loose, **hashes}, True)


def _by_installer(path: Path, info: Path) -> bool:
    """What an installer adds to a wheel's files: commands, and notes of its own."""
    return path.parent == info or not path.is_relative_to(info.parent)


def _wheel_hashes(wheel: Path, info: Path) -> dict[Path, str]:
    """Installed path → SHA-256, from the RECORD in a wheel that was checked as a whole."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
            rows = list(csv.reader(io.StringIO(archive.read(name).decode())))
    except (OSError, StopIteration, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(f"{wheel} can't be read as a wheel: {error}") from None
    site = info.parent
    return {
        site / row[0]: recorded_sha256(row[1])
        for row in rows
        if row and row[1] and ".data/" not in row[0].partition("/")[0] + "/"
    }


def _pinned(folder: Path, archives: Mapping[str, str]) -> dict[str, Path]:
    """Name → wheel, of the files in `folder` whose SHA-256 the release lists."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: download the wheels with pip download --require-hashes")
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name = archives.get(sha256_of(path))
        if name is not None and normalised(path.name.partition("-")[0]) == name:
            found[name] = path
    return found


def versions(release: ProgramRelease, found: Sequence[Dependency]) -> Iterator[Finding]:
    """Packages of another version than the release was made with, or without a list of their files."""
    locked: dict[str, set[str]] = {}
    for pin in release.requires:
        locked.setdefault(pin.name, set()).add(pin.version)
    for dependency in found:
        one = dependency.installed
        if one.version not in locked[one.name]:
            made_with = " or ".join(sorted(locked[one.name]))
            yield unverified(
                Kind.VERSION, one.name, f"{one.version} is installed, the release was made with {made_with}"
            )
        if one.editable:
            yield unverified(Kind.VERSION, one.name, "is installed as editable: its code may change any time")
        elif not dependency.expected:
            yield problem(Kind.MISSING, one.info / "RECORD", "without it none of its files can be checked")


def folders(place: Place, found: Sequence[Dependency]) -> set[Path]:
    """The top folders of their files."""
    tops = set()
    for dependency in found:
        for path in dependency.expected:
            if path.is_relative_to(place.site) and len(path.relative_to(place.site).parts) > 1:
                tops.add(place.site / path.relative_to(place.site).parts[0])
    return tops
