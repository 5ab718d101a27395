"""The software bill of materials of a release: CycloneDX 1.6 JSON, from the lock file.

Names, versions and hashes are those of requirements/core.txt; licences are what the installed packages of exactly those
versions state. No time and no chance: the serial number is derived from the content.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from overt.channel.install.record import Required

LOCK = Path(__file__).parents[1] / "requirements/core.txt"
NAMESPACE = uuid.UUID("6f0f54a2-6a0f-5b0c-9d5c-0b6b8d8e1c11")
"""Of this project's bills of materials (RFC 9562, 5.5)."""
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^ \\;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Program:
    """What the bill is for: the program, its version, its SPDX licence, and what it asks for directly (PEP 508)."""

    name: str
    version: str
    licence: str
    requires: tuple[str, ...]


def locked(text: str) -> tuple[Required, ...]:
    """The pins of a lock file in pip's format, in order of name."""
    found = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if pin := _PIN.match(block):
            found.append(Required(canonicalize_name(pin[1]), pin[2], tuple(sorted(_HASH.findall(block)))))
    return tuple(sorted(found, key=lambda one: (one.name, one.version)))


def bill(program: Program, pins: tuple[Required, ...]) -> bytes:
    """The bill as JSON. The same program, lock and stated licences give the same bytes."""
    subject = Component(
        name=program.name,
        version=program.version,
        type=ComponentType.APPLICATION,
        bom_ref=program.name,
        purl=PackageURL("pypi", None, program.name, program.version),
        licenses=[LicenseFactory().make_from_string(program.licence)],
    )
    edges = _edges(program, pins)
    running = _reachable(program.name, edges)
    parts = {pin: _component(pin, pin.name in running) for pin in pins}
    bom = Bom(components=parts.values())
    bom.metadata.component = subject
    bom.metadata.timestamp = None  # type: ignore[assignment]
    by_name = {canonicalize_name(program.name): subject} | {pin.name: part for pin, part in parts.items()}
    for name, part in by_name.items():
        bom.register_dependency(part, [by_name[one] for one in sorted(edges.get(name, ()))])
    return _encoded(bom)


def _encoded(bom: Bom) -> bytes:
    """With a serial number that is a UUID of the rest."""
    bom.serial_number = uuid.UUID(int=0)
    bom.serial_number = uuid.uuid5(NAMESPACE, JsonV1Dot6(bom).output_as_string(indent=2))
    return JsonV1Dot6(bom).output_as_string(indent=2).encode() + b"\n"


def _component(pin: Required, runs: bool) -> Component:
    """`scope` is excluded for what only builds the wheel (CycloneDX 1.6, `components[].scope`)."""
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{pin.name}@{pin.version}",
        scope=ComponentScope.REQUIRED if runs else ComponentScope.EXCLUDED,
        purl=PackageURL("pypi", None, pin.name, pin.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.archives],
        licenses=list(_licences(pin)),
    )


def _licences(pin: Required) -> Iterator[License]:
    """As the installed package states it; nothing for what is not installed (other platforms)."""
    try:
        stated = metadata(pin.name)
    except PackageNotFoundError:
        return
    if stated["Version"] != pin.version:
        raise SystemExit(
            f"{pin.name} {stated['Version']} is installed and {pin.version} is locked: install requirements/core.txt"
        )
    classified = [
        line.rpartition(" :: ")[2]
        for line in stated.get_all("Classifier") or ()
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    text = (
        stated.get("License-Expression")
        or next(iter(classified), "")
        or (stated.get("License") or "").strip()
    )
    if text:
        yield LicenseFactory().make_from_string(text.splitlines()[0])  # type: ignore[misc]


def _edges(program: Program, pins: tuple[Required, ...]) -> dict[str, set[str]]:
    """Name → the names it requires, of the locked ones."""
    names = {pin.name for pin in pins}
    edges = {canonicalize_name(program.name): _named(program.requires) & names}
    for name in names:
        try:
            edges[name] = _named(requires(name) or ()) & names
        except PackageNotFoundError:
            edges[name] = set()
    return edges


def _named(lines: tuple[str, ...] | list[str]) -> set[str]:
    """What is required on any platform; extras are not."""
    wanted = (Requirement(line) for line in lines)
    return {str(canonicalize_name(one.name)) for one in wanted if "extra" not in str(one.marker or "")}


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue.extend(edges.get(name, ()))
    return seen
