"""MISP events (one, a list, or a feed's files): attributes that are hashes of files, and YARA rules.

Follows https://www.misp-standard.org/rfc/misp-standard-core.html, section 2.4 (attributes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from overt.core.model import Severity
from overt.engine.hashset import Label
from overt.rules.imports.hashlist import DIGEST
from overt.rules.intake import Intake

HASHES = ("md5", "sha1", "sha256", "filename|md5", "filename|sha1", "filename|sha256", "malware-sample")
THREAT_LEVELS = {"1": Severity.CRITICAL, "2": Severity.HIGH, "3": Severity.MEDIUM}


def events(document: Any) -> list[dict[str, Any]]:
    """The events in a JSON value; empty when it holds none."""
    if isinstance(document, list):
        return [event for item in document for event in events(item)]
    if not isinstance(document, dict):
        return []
    if isinstance(document.get("Event"), dict):
        return [document["Event"]]
    if isinstance(document.get("response"), (list, dict)):
        return events(document["response"])
    if isinstance(document.get("Attribute"), list):
        return [document]
    return []


def read(source: str, document: Any, intake: Intake) -> None:
    """Carry over the attributes marked for detection (`to_ids`) of every event."""
    for event in events(document):
        for attribute in _attributes(event):
            if refusal := _read(source, event, attribute, intake):
                value = " ".join(str(attribute.get("value", "")).split())[:60]
                intake.problem(source, 0, f"{refusal}: {value}", str(event.get("info", "")))


def _attributes(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (event, *_dicts(event.get("Object"))):
        yield from _dicts(holder.get("Attribute"))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read(source: str, event: dict[str, Any], attribute: dict[str, Any], intake: Intake) -> str:
    """Carry over one attribute; why not, if it can't be."""
    kind, value = str(attribute.get("type", "")), str(attribute.get("value", ""))
    if attribute.get("to_ids") in (False, 0, "0"):
        return f"{kind} is marked as not for detection (to_ids)"
    if kind == "yara":
        intake.text(f"{source}:{attribute.get('uuid', '')}", value)
        return ""
    if kind not in HASHES:
        return f"{kind} is not the hash of a file"
    name, _, digest = value.rpartition("|")
    if not DIGEST.fullmatch(digest):
        return f"{kind} is malformed"
    info = str(event.get("info", source))
    comment = ", ".join(part for part in (str(attribute.get("comment") or ""), name) if part)
    severity = THREAT_LEVELS.get(str(event.get("threat_level_id", "")), Severity.HIGH)
    author = "".join(str(owner.get("name", "")) for owner in _dicts([event.get("Orgc")]))
    reference = f"MISP event {event['uuid']}" if "uuid" in event else ""
    intake.file_hash(source, 0, bytes.fromhex(digest), Label(info, comment, severity, reference, author))
    intake.carried["hashes"] += 1
    return ""
