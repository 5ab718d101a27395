"""Checkpoints from several places: all that the log's keys signed must be one history.

A checkpoint that a key of the log signed is kept, wherever it came from. Two of one size with different roots are a
split view, at once. One of another size is held against the log as this monitor reads it, as soon as that is as large.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from overt.channel.monitor.alarm import Alarm, Kind
from overt.channel.monitor.record import SeenHead
from overt.core.errors import LogError, Unproven
from overt.tlog import note as notes
from overt.tlog import proof as proofs
from overt.tlog.keys import VerifierKey
from overt.tlog.note import Note
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint
from overt.tlog.text import to_base64

SPLIT_VIEW_SCHEMA = "overt-split-view/1"


@dataclass(frozen=True, slots=True)
class View:
    """A place that shows the log: its name for people, and how its newest checkpoint is had."""

    name: str
    fetch: Callable[[], bytes]
    """Raises `FileNotFoundError` for none yet, `OSError`, `OvertError`."""


def opened(data: bytes, keys: Iterable[VerifierKey], origin: str) -> tuple[SeenHead, Note]:
    """The signed head in a checkpoint or in a tlog-proof. Raises `LogError` unless this log signed it."""
    note = proofs.parse(data).checkpoint if data.startswith(proofs.HEADER.encode()) else notes.parse(data)
    checkpoint = open_checkpoint(note, keys)
    if checkpoint.origin != origin:
        raise Unproven(f"it is a checkpoint of another log than {origin}")
    return SeenHead(checkpoint.head, "", note.encode()), note


def same_size(first: SeenHead, second: SeenHead) -> Alarm:
    """Two heads of one size with different roots: each note condemns the other, whoever reads them."""
    text = (
        f"the log signed two different histories of {first.head.size} releases: one seen at {first.source}, "
        f"the other at {second.source}"
    )
    return _split(text, first, second, {"size": first.head.size})


def against_log(seen: SeenHead, reader: LogReader, own: SeenHead) -> Alarm | None:
    """An alarm when the log that this monitor reads never had the head `seen`. Raises as `LogReader.node` does.

    The evidence is both notes and the proof that leads from what the read log had at that size to its own root.
    """
    root = reader.root_at(seen.head.size)
    if root == seen.head.root:
        return None
    text = (
        f"the log signed a history of {seen.head.size} releases, seen at {seen.source}, that is not the "
        f"beginning of the {own.head.size} releases it signed for {own.source}"
    )
    facts = {
        "size": seen.head.size,
        "root_of_that_size_in_second": to_base64(root),
        "consistency_proof_to_second": [to_base64(one) for one in reader.consistency_proof(seen.head.size)],
    }
    return _split(text, seen, own, facts)


def forked(known: SeenHead, served: SeenHead, error: LogError) -> Alarm:
    """The channel serves a log that does not go on from what it served before."""
    text = (
        f"the log that {served.source} serves now, of {served.head.size} releases, does not go on from the "
        f"{known.head.size} releases that {known.source} showed before: {error}"
    )
    return _split(text, known, served, {"size": known.head.size})


def _split(text: str, first: SeenHead, second: SeenHead, facts: dict[str, Any]) -> Alarm:
    told = {
        "schema": SPLIT_VIEW_SCHEMA,
        "first": {"seen_at": first.source, "note": first.note.decode()},
        "second": {"seen_at": second.source, "note": second.note.decode()},
        **facts,
    }
    evidence = {
        "first.note": first.note,
        "second.note": second.note,
        "split-view.json": json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n",
    }
    roots = sorted((first.head.root.hex(), second.head.root.hex()))
    return Alarm(Kind.SPLIT_VIEW, "-".join(roots), text, None, evidence)
