"""What a product did on the machine with each planted half of a pair: opened, read, ran, named, changed, kept it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import NamedTuple

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Access, Call, Canary, Change, Changed, FileAccess, Run
from overt.conduct.observe.tally import include

WORD = re.compile(r"[\w-]+")
"""What may be a planted file's name without its ending."""
SAME_SIZE = "the same size"
"""Of a changed file and a planted one, with nothing else in common: how they are alike."""


class Deed(StrEnum):
    """What can be done with a file, the most telling first."""

    KEPT = "files that appeared with its content, size or name"
    ALTERED = "changed, renamed or removed"
    EXECUTED = "executed"
    NAMED = "named in system calls"
    READ = "how much was read"
    OPENED = "files opened"
    PROCESSES = "processes that opened it"


LAYERS = {
    Deed.KEPT: "changes",
    Deed.ALTERED: "changes",
    Deed.EXECUTED: "open",
    Deed.NAMED: "trace",
    Deed.READ: "ranges",
    Deed.PROCESSES: "open",
}
"""The observer that sees it. Openings are seen in every chamber."""


class Trace(NamedTuple):
    """What a changed path has to do with a planted file."""

    canary: Canary
    deed: Deed
    how: str
    """For people: `the same bytes`, `its name`, …"""


@dataclass(frozen=True, slots=True)
class Handled:
    """One run: by deed, how often it was done with the planted file of each number; of READ, how many bytes."""

    seen: frozenset[Deed]
    """What the observers at work could see."""
    counts: Mapping[Deed, Counter[int]]


def handled(folder: RunFolder) -> Handled:
    """What one run's observers say of its pairs. Raises `ConductError` if the evidence is damaged."""
    halves = [canary for canary in folder.read(Canary) if canary.pair is not None]
    counts = {deed: Counter[int]() for deed in Deed}
    _count_accesses(folder.read(FileAccess), halves, counts)
    known = Known(halves)
    for call in folder.read(Call):
        counts[Deed.NAMED].update({canary.number for canary in known.named(call.arguments)})
    traces = {(change.path, trace) for change in folder.read(Change) for trace in known.traces(change)}
    for _, trace in traces:
        counts[trace.deed][trace.canary.number] += 1
    return Handled(_seen(folder.run()), counts)


def more(deed: Deed, counts: Mapping[Deed, Counter[int]], marked: Canary, plain: Canary) -> int:
    """Positive if more was done with the marked half of a pair, negative if with the plain one.

    Halves differ in size by chance: the same number of bytes of both, or the same share of both, is alike.
    """
    first, second = counts[deed][marked.number], counts[deed][plain.number]
    if deed is not Deed.READ or first == second:
        return first - second
    return first * plain.size - second * marked.size


def _seen(run: Run) -> frozenset[Deed]:
    opened = {Deed.OPENED} if run.machine is None else set[Deed]()
    return frozenset(opened | {deed for deed, layer in LAYERS.items() if layer in run.layers})


def _count_accesses(
    accesses: Iterable[FileAccess], halves: Iterable[Canary], counts: Mapping[Deed, Counter[int]]
) -> None:
    planted = {canary.path: canary for canary in halves}
    read: dict[int, list[tuple[int, int]]] = {}
    opened: set[tuple[int, int]] = set()
    for access in accesses:
        canary = planted.get(access.path)
        if canary is None:
            continue
        if access.access is Access.OPEN:
            counts[Deed.OPENED][canary.number] += access.count
            opened.add((canary.number, access.process))
        elif access.access is Access.EXECUTE:
            counts[Deed.EXECUTED][canary.number] += access.count
        for offset, length in access.ranges:
            if offset < canary.size:
                include(read.setdefault(canary.number, []), offset, min(length, canary.size - offset))
    counts[Deed.PROCESSES].update(number for number, _ in opened)
    counts[Deed.READ].update({number: sum(size for _, size in ranges) for number, ranges in read.items()})


class Known:
    """How planted files are known again: by path, digest, token, name; by a size that no other of them has."""

    def __init__(self, halves: Iterable[Canary]) -> None:
        halves = tuple(halves)
        sizes = Counter(canary.size for canary in halves)
        self._paths = {canary.path: canary for canary in halves}
        self._tokens = {canary.token: canary for canary in halves}
        self._digests = {canary.sha256: canary for canary in halves}
        self._names = {PurePosixPath(canary.path).name.partition(".")[0]: canary for canary in halves}
        self._sizes = {canary.size: canary for canary in halves if sizes[canary.size] == 1}

    def named(self, text: str) -> Iterator[Canary]:
        """Those whose name is in `text`."""
        return (self._names[word] for word in WORD.findall(text) if word in self._names)

    def traces(self, change: Change) -> Iterator[Trace]:
        """What a change has to do with planted files; nothing, mostly."""
        if canary := self._paths.get(change.path):
            yield Trace(canary, Deed.ALTERED, change.changed)
        elif change.changed in (Changed.ADDED, Changed.MODIFIED):
            yield from (Trace(canary, Deed.KEPT, how) for canary, how in self._kept(change))

    def _kept(self, change: Change) -> Iterator[tuple[Canary, str]]:
        linked = change.detail if change.kind == "link" else ""
        if canary := self._digests.get(change.sha256):
            yield canary, "the same bytes"
        elif held := [self._tokens[token] for token in change.tokens if token in self._tokens]:
            yield from ((canary, "its content") for canary in held)
        elif named := {canary.number: canary for canary in self.named(f"{change.path} {linked}")}:
            yield from ((canary, "its name") for canary in named.values())
        elif change.kind == "file" and (canary := self._sizes.get(change.size)):
            yield canary, SAME_SIZE
