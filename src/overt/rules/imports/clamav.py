"""ClamAV's databases: hash lists (`.hdb`, `.hsb`, `.mdb`, `.msb`), body signatures (`.ndb`, `.ldb`), and the
containers that hold them (`.cvd`, `.cld`).

Follows https://docs.clamav.net/manual/Signatures.html. A container's checksum is checked; its digital signature
can't be (the key and scheme are ClamAV's own), and the intake says so.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable

from overt.core.errors import UsageError
from overt.core.model import Severity
from overt.engine.hashset import Label
from overt.rules.archive import members
from overt.rules.imports.clamav_body import MODULES, RuleNames, from_ldb, from_ndb
from overt.rules.imports.hashlist import DIGEST
from overt.rules.intake import Intake
from overt.rules.lines import Content, lines

HEADER_BYTES = 512
AUTHOR = "ClamAV signature authors"
IMPORTS = "\n".join(f'import "{module}"' for module in MODULES) + "\n"
RULES_PER_SOURCE = 2_000
"""Signatures written into one YARA text: a text is one namespace, and small ones are checked faster."""


_SIZE = re.compile(r"[0-9]{1,18}")


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower()


def is_signatures(name: str) -> bool:
    """Whether the file name is one of ClamAV's that is carried over."""
    return _extension(name) in (*HASHES, *BODIES, "cvd", "cld")


def read(source: str, data: Content, intake: Intake) -> None:
    """Carry over one ClamAV file. Raises `UsageError` when a container is damaged."""
    extension = _extension(source)
    if extension in ("cvd", "cld"):
        _read_container(source, data, intake)
    elif extension in HASHES:
        _read_hashes(source, data, intake)
    else:
        _read_bodies(source, data, intake)


def _read_container(source: str, data: Content, intake: Intake) -> None:
    fields = data[:HEADER_BYTES].decode("ascii", "replace").split(":")
    if fields[0] != "ClamAV-VDB" or len(fields) < 8:
        raise UsageError(f"{source} is no ClamAV container (its header is missing): fetch it again")
    body = data[HEADER_BYTES:]
    if _extension(source) == "cvd" and fields[5] != hashlib.md5(body, usedforsecurity=False).hexdigest():
        raise UsageError(f"{source} is damaged (its checksum does not agree): fetch it again")
    intake.notes.append(
        f"{source}: version {fields[2]} of {fields[1]}; ClamAV's digital signature was not checked"
    )
    left_out: Counter[str] = Counter()
    for name, content in members(source, body):
        if is_signatures(name) and _extension(name) not in ("cvd", "cld"):
            read(f"{source}/{name}", content, intake)
        else:
            left_out[_extension(name)] += content.count(b"\n")
    for extension, count in left_out.items():
        intake.problem(source, 0, f"{count} lines of .{extension} are not carried over")


def _severity(source: str) -> Severity:
    """Files whose names end in `u` hold signatures of potentially unwanted applications."""
    return Severity.LOW if source.endswith("u") else Severity.HIGH


def _read_hashes(source: str, data: Content, intake: Intake) -> None:
    """Lines `digest:size:name` (files) or `size:digest:name` (sections of PE files)."""
    of_sections = _extension(source)[0] == "m"
    severity = _severity(source)
    for number, line in enumerate(lines(data), 1):
        if not line or line.startswith("#"):
            continue
        parts = line.split(":")
        digest, size = (
            (parts[1], parts[0])
            if of_sections and len(parts) >= 3
            else (parts[0], parts[1] if parts[1:] else "")
        )
        if len(parts) < 3 or not DIGEST.fullmatch(digest) or not (size == "*" or _SIZE.fullmatch(size)):
            intake.problem(source, number, "malformed line")
            continue
        known = -1 if size == "*" else int(size)
        label = Label(parts[2], f"ClamAV signature {parts[2]}", severity, author=AUTHOR)
        if of_sections:
            intake.hash(bytes.fromhex(digest), label, known, of_sections=True)
        else:
            intake.file_hash(source, number, bytes.fromhex(digest), label, known)
        intake.carried["section hashes" if of_sections else "hashes"] += 1


def _read_bodies(source: str, data: Content, intake: Intake) -> None:
    convert = BODIES[_extension(source)]
    severity = _severity(source)
    names = RuleNames()
    rules: list[str] = []
    for number, line in enumerate(lines(data), 1):
        if not line or line.startswith("#"):
            continue
        try:
            rules.append(convert(line, names, severity))
        except ValueError as error:  # NotCarried, or a number too long to be one
            intake.problem(source, number, str(error), line.split(":" if convert is from_ndb else ";")[0])
    for start in range(0, len(rules), RULES_PER_SOURCE):
        intake.text(source, IMPORTS + "".join(rules[start : start + RULES_PER_SOURCE]))
    intake.carried["signatures"] += len(rules)


HASHES = ("hdb", "hsb", "hdu", "hsu", "mdb", "msb", "mdu", "msu")
BODIES: dict[str, Callable[[str, RuleNames, Severity], str]] = {
    "ndb": from_ndb,
    "ndu": from_ndb,
    "ldb": from_ldb,
    "ldu": from_ldb,
}
"""File name extension → conversion of one line."""
