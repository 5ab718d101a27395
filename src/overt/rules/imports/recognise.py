"""What a file of rules is, by its name and content, and the importer that takes it."""

from __future__ import annotations

import json
import re
from typing import Any

from overt.core.errors import UsageError
from overt.rules.archive import is_archive, members
from overt.rules.imports import clamav, hashlist, misp, stix
from overt.rules.intake import Intake
from overt.rules.lines import Content

YARA_NAMES = (".yar", ".yara", ".yarx", ".rule", ".rules")
_YARA = re.compile(r"^\s*(?:(?:global|private)\s+)*rule\s+\w+[^{]*\{", re.MULTILINE)
MAX_ARCHIVE_DEPTH = 3
MAX_TEXT_BYTES = 256 << 20
"""Bytes of a file that may be YARA or JSON; a larger one can only be a list of hashes."""


def take(name: str, data: Content, intake: Intake, depth: int = 0) -> None:
    """Carry over what the file `name` holds; what is not understood is a problem, and so is a damaged archive."""
    try:
        if not clamav.is_signatures(name) and is_archive(data):
            _take_archive(name, data, intake, depth)
        elif not _take_file(name, data, intake):
            intake.problem(name, 0, "no rules or hashes recognised in this file")
    except UsageError as error:
        intake.problem(name, 0, str(error))
    except Exception as error:  # an importer met what its format never has: this file is damaged or hostile
        intake.problem(name, 0, f"damaged: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _take_archive(name: str, data: Content, intake: Intake, depth: int) -> None:
    if depth == MAX_ARCHIVE_DEPTH:
        intake.problem(name, 0, f"archives inside archives are opened to depth {MAX_ARCHIVE_DEPTH}")
        return
    for member, content in members(name, data):
        inside = f"{name}/{member}" if depth else member
        if depth or worth_reading(member) or is_archive(content):
            take(inside, content, intake, depth + 1)


def worth_reading(name: str) -> bool:
    """Whether a file found in a folder or archive may hold rules, by its name: others are passed over in silence."""
    lower = name.lower()
    return clamav.is_signatures(lower) or lower.endswith(
        (*YARA_NAMES, ".csv", ".tsv", ".txt", ".json", ".md5", ".sha1", ".sha256")
    )


def _take_file(name: str, data: Content, intake: Intake) -> bool:
    if clamav.is_signatures(name):
        clamav.read(name, data, intake)
        return True
    if len(data) > MAX_TEXT_BYTES:
        return hashlist.read(name, data, intake)
    text = data[:].decode("utf-8-sig", "replace")
    if text.lstrip()[:1] in ("{", "[") and (document := _json(text)) is not None:
        return _take_json(name, document, intake)
    if name.lower().endswith(YARA_NAMES) or _YARA.search(text):
        intake.text(name, text)
        return True
    return hashlist.read(name, data, intake)


def _take_json(name: str, document: Any, intake: Intake) -> bool:
    if stix.is_bundle(document):
        stix.read(name, document, intake)
        return True
    if misp.events(document):
        misp.read(name, document, intake)
        return True
    return False


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
