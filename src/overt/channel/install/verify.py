"""An installation against a proven release: every check, one report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overt.channel.install import dependencies, files, script, surroundings
from overt.channel.install.dependencies import Dependency
from overt.channel.install.distributions import Installed, installed, sha256_of
from overt.channel.install.finding import Finding, Grade, Kind, problem
from overt.channel.install.place import Place
from overt.channel.install.record import ProgramRelease
from overt.core.errors import OvertError

BY_INSTALLER = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
"""Files that installers add to `.dist-info`; none is code (PEP 376, PEP 610)."""


class NotVerifiable(OvertError):
    """This kind of installation can't be held against a release."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and found."""

    place: Place
    release: ProgramRelease
    dependencies: tuple[Dependency, ...]
    others: tuple[Installed, ...]
    """Distributions in the same environment that the release knows nothing of."""
    findings: tuple[Finding, ...]

    def count(self, grade: Grade) -> int:
        """Findings of this grade."""
        return sum(one.grade is grade for one in self.findings)


def program_version(place: Place, program: str) -> str:
    """The version that is installed there. Raises `NotVerifiable` when there is none, or an editable one."""
    return _program(place, installed(place.site), program).version


def verify(place: Place, release: ProgramRelease, wheels: Path | None = None) -> Report:
    """Compare all files; reads, and runs nothing of what it compares. Raises `NotVerifiable`, `UsageError`."""
    all_installed = installed(place.site)
    program = _program(place, all_installed, release.program)
    others = tuple(one for one in all_installed if one is not program)
    found = dependencies.gather(release, others, wheels)
    required = {one.installed.info for one in found}
    unknown = tuple(one for one in others if one.info not in required)
    findings = (
        *_program_findings(place, release, program),
        *dependencies.versions(release, found),
        *_surrounding(place, release, found, unknown, others),
    )
    return Report(place, release, found, unknown, tuple(sorted(findings, key=_order)))


def _order(one: Finding) -> tuple[int, str, str]:
    return list(Grade).index(one.grade), one.path, one.kind


def _program(place: Place, all_installed: tuple[Installed, ...], program: str) -> Installed:
    found = [one for one in all_installed if one.name == program]
    if len(found) == 1 and not found[0].editable:
        return found[0]
    if len(found) > 1:
        raise NotVerifiable(f"{place.site} holds {program} {len(found)} times: install it once, afresh")
    where = place.prefix if place.own else place.site
    raise NotVerifiable(
        f"{program} in {where} is no installed release but an editable installation or a source tree, whose "
        "files may change any time: install the wheel of a release, then verify that"
        if found or place.own
        else f"{place.site} holds no {program}: name the environment it is installed in"
    )


def expected_files(place: Place, release: ProgramRelease) -> dict[Path, str]:
    """Installed path → SHA-256 of every file of the wheel (binary distribution format, "Spreading")."""
    data = f"{release.program}-{release.version}.data/data/"
    return {
        place.data / file.path.removeprefix(data)
        if file.path.startswith(data)
        else place.site / file.path: file.sha256
        for file in release.files
    }


def _program_findings(place: Place, release: ProgramRelease, program: Installed) -> Iterator[Finding]:
    if program.version != release.version:
        yield problem(
            Kind.VERSION, program.info, f"{program.version} is installed, the release is {release.version}"
        )
    expected = expected_files(place, release)
    allowed = frozenset(program.info / name for name in BY_INSTALLER)
    yield from files.differences(expected)
    yield from files.extras(_tops(place, expected), expected, allowed)
    entry_points = program.info / "entry_points.txt"
    if entry_points.is_file() and sha256_of(entry_points) == expected.get(entry_points):
        yield from script.check(place, entry_points.read_text(encoding="utf-8"))


def _surrounding(
    place: Place,
    release: ProgramRelease,
    found: tuple[Dependency, ...],
    unknown: tuple[Installed, ...],
    others: tuple[Installed, ...],
) -> Iterator[Finding]:
    """The dependencies' files, all bytecode, and what Python runs or imports besides."""
    theirs = {path: digest for one in found for path, digest in one.expected.items()}
    ours = expected_files(place, release)
    known = {**theirs, **ours}
    tops = _tops(place, ours)
    notes = frozenset(one.installed.info / name for one in found for name in BY_INSTALLER)
    yield from files.differences({path: digest for path, digest in theirs.items() if path not in ours})
    yield from files.extras(dependencies.folders(place, found) - tops, known, notes)
    yield from files.stale_bytecode(known)
    yield from surroundings.startup(place, known, unknown)
    names = _modules(place, known)
    yield from surroundings.shadows(place, names, known)
    recorded = frozenset(entry.path for one in others for entry in one.entries)
    yield from surroundings.strays(place, names, recorded)


def _tops(place: Place, paths: dict[Path, str]) -> set[Path]:
    """The folders in `site` that hold the program: its package and its metadata."""
    inside = (path.relative_to(place.site) for path in paths if path.is_relative_to(place.site))
    return {place.site / path.parts[0] for path in inside if len(path.parts) > 1}


def _modules(place: Place, known: dict[Path, str]) -> frozenset[str]:
    """Names under which the known files are imported."""
    inside = (path.relative_to(place.site).parts[0] for path in known if path.is_relative_to(place.site))
    return frozenset(stem for name in inside if (stem := name.partition(".")[0]).isidentifier())
