"""STIX 2.1 bundles: indicators whose pattern is a file's hash, or a YARA rule.

Follows https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, section 9 (patterning) and 4.7 (indicator).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from overt.core.model import Severity
from overt.engine.hashset import Label
from overt.rules.imports.hashlist import DIGEST
from overt.rules.intake import Intake

_OBSERVATION = re.compile(r"\[((?:[^\[\]']|'(?:[^'\\]|\\.)*')*)\]")
_BETWEEN = re.compile(r"\s*OR\s*", re.IGNORECASE)
_COMPARISON = re.compile(
    r"\s*([\w-]+:[\w.'\"-]+?)\s*(=|IN|!=|>=|<=|>|<|LIKE|MATCHES|ISSUBSET|ISSUPERSET|NOT IN)\s*"
    r"('(?:[^'\\]|\\.)*'|\([^)]*\)|[\w.+-]+)\s*",
    re.IGNORECASE,
)
_JOINT = re.compile(r"\s*(AND|OR)\b", re.IGNORECASE)
_BRACKET = re.compile(r"\s*[()]")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
HASH_PATHS = (
    "file:hashes.sha-256",
    "file:hashes.sha256",
    "file:hashes.sha-1",
    "file:hashes.sha1",
    "file:hashes.md5",
)
"""Object paths of a file's hashes, quotes removed, in lower case, the strongest first."""


def is_bundle(document: Any) -> bool:
    """Whether the JSON value `document` is a STIX 2 bundle."""
    return (
        isinstance(document, dict)
        and document.get("type") == "bundle"
        and isinstance(document.get("objects"), list)
    )


def read(source: str, document: dict[str, Any], intake: Intake, now: datetime | None = None) -> None:
    """Carry over the indicators of a bundle that are in force at `now` (default: the present)."""
    at = now or datetime.now(UTC)
    items = [item for item in document["objects"] if isinstance(item, dict)]
    names = {str(item.get("id")): str(item.get("name", "")) for item in items}
    for item in items:
        if item.get("type") == "indicator":
            author = names.get(str(item.get("created_by_ref")), "")
            if refusal := _refusal(item, at) or _read_indicator(source, item, author, intake):
                intake.problem(source, 0, refusal, _name(item))


def _name(item: dict[str, Any]) -> str:
    return str(item.get("name") or item.get("id") or "indicator")


def _refusal(item: dict[str, Any], at: datetime) -> str:
    if item.get("revoked"):
        return "revoked by its author"
    if until := item.get("valid_until"):
        try:
            if datetime.fromisoformat(str(until)) <= at:
                return f"expired: valid until {until}"
        except (ValueError, TypeError):
            return f"valid_until {until!r} is no timestamp"
    return ""


def _read_indicator(source: str, item: dict[str, Any], author: str, intake: Intake) -> str:
    """Carry over one indicator; why not, if it can't be."""
    kind, pattern = item.get("pattern_type", "stix"), str(item.get("pattern", ""))
    if kind == "yara":
        intake.text(f"{source}:{_name(item)}", pattern)
        return ""
    if kind != "stix":
        return f"pattern type {kind!r} is not for files"
    try:
        digests = list(file_digests(pattern))
    except ValueError as error:
        return str(error)
    references = item.get("external_references") or ()
    reference = next((str(ref["url"]) for ref in references if isinstance(ref, dict) and "url" in ref), "")
    label = Label(_name(item), str(item.get("description", "")), Severity.HIGH, reference, author)
    for digest, size in digests:
        intake.file_hash(source, 0, bytes.fromhex(digest), label, size)
        intake.carried["hashes"] += 1
    return ""


def file_digests(pattern: str) -> Iterator[tuple[str, int]]:
    """(digest in hexadecimal, size in bytes or -1) of every file that a pattern of hashes alone names: a digest
    identifies the file, so what is demanded besides (AND) is left out. Raises `ValueError` saying why a pattern
    can't be carried over."""
    position = 0
    while position < len(pattern.rstrip()):
        if position:
            between = _BETWEEN.match(pattern, position)
            if between is None:
                raise ValueError("it relates several observations (AND, FOLLOWEDBY, WITHIN …)")
            position = between.end()
        observation = _OBSERVATION.match(pattern, position)
        if observation is None:
            raise ValueError(f"its pattern can't be read at {pattern[position : position + 30]!r}")
        for alternative in _alternatives(observation.group(1)):
            yield from _digests(alternative)
        position = observation.end()
    if not position:
        raise ValueError("it has no pattern")


def _alternatives(expression: str) -> list[list[tuple[str, str, str]]]:
    """Comparisons joined by AND, for each side of OR: AND binds tighter. Parentheses that would change that are not
    followed."""
    found: list[list[tuple[str, str, str]]] = [[]]
    joints: set[str] = set()
    grouped = False
    position = 0
    while position < len(expression.rstrip()):
        if bracket := _BRACKET.match(expression, position):
            grouped, position = True, bracket.end()
        elif joint := _JOINT.match(expression, position):
            joints.add(joint.group(1).upper())
            position = joint.end()
            if joint.group(1).upper() == "OR":
                found.append([])
        elif match := _COMPARISON.match(expression, position):
            path = re.sub(r"['\"]", "", match.group(1)).lower()
            found[-1].append((path, match.group(2).upper(), match.group(3)))
            position = match.end()
        else:
            raise ValueError(f"its pattern can't be read at {expression[position : position + 30]!r}")
    if grouped and len(joints) > 1:
        raise ValueError("it mixes AND and OR in parentheses")
    if not all(found):
        raise ValueError(f"its pattern can't be read at {expression[:30]!r}")
    return found


def _digests(comparisons: list[tuple[str, str, str]]) -> Iterator[tuple[str, int]]:
    size = next((int(value) for path, sign, value in comparisons if (path, sign) == ("file:size", "=")), -1)
    for wanted in HASH_PATHS:
        for path, sign, value in comparisons:
            if path == wanted and sign in ("=", "IN"):
                digests = _QUOTED.findall(value)
                if not digests or not all(DIGEST.fullmatch(digest) for digest in digests):
                    raise ValueError(f"{value[:40]} is no hash")
                for digest in digests:
                    yield digest, size
                return
    raise ValueError(f"{comparisons[0][0]} is not the hash of a file")
