"""The search of one run: every source to an expendable worker, and what they answer to `sightings.jsonl` and
`opaque.jsonl`. The same evidence gives the same files.

What left was written by a hostile hand: nothing of it is parsed here. Workers see the bytes of one source each; one
that dies of them leaves these bytes unread, which is said with its reason.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from overt.conduct.evidence.conclusions import OpaqueBytes, Sighting
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Canary, Flow, Opened
from overt.conduct.finder.entropy import bits_per_byte
from overt.conduct.finder.examine import Examined, Examiner, Hit
from overt.conduct.finder.limits import Limits
from overt.conduct.finder.needles import CONTENT, SIZE, Bodies, Needles
from overt.conduct.finder.reckoning import Left, added, together
from overt.conduct.finder.sizes import Number, Sizes, told
from overt.conduct.finder.sources import Kind, Source, sources, within
from overt.conduct.finder.worker import Answerer, Question, prepare
from overt.core.errors import ConductError, OvertError
from overt.sandbox.expendable import Bounds, Expendables, WorkerDied

UNREADABLE = "neither words nor in a form that the finder knows"
SCATTERED = (
    "short identifiers and numbers: so many of them to one destination are allowed, but not to all together"
)
NOT_OPENED = "encrypted, and not opened"
BATCH_BYTES, BATCH_SOURCES = 1 << 20, 256
DEFAULTS = Limits()
HIDDEN_BITS = 8.0
"""Taken for bytes that were not recorded."""
Tell = Callable[[int, int], None]
"""Is told how many sources are done, and of how many."""


@dataclass(slots=True)
class _Found:
    """Answers so far. Mutable: it grows."""

    hits: list[tuple[Source, Hit]] = field(default_factory=list)
    left: dict[str, dict[tuple[int, ...], list[Left]]] = field(default_factory=dict)
    """What is unread, by destination and flows."""
    numbers: dict[tuple[str, str], dict[int, tuple[Source, Number]]] = field(default_factory=dict)
    """By destination and notation: where each was first seen."""
    unsearched: list[OpaqueBytes] = field(default_factory=list)


def find(
    folder: RunFolder,
    limits: Limits = DEFAULTS,
    bodies: Bodies | None = None,
    confined: bool = True,
    into: RunFolder | None = None,
    tell: Tell = lambda done, of: None,
) -> None:
    """Search what left in one run for its canaries, and write what was found and what could not be read, to `into` if
    that is given.

    `bodies`: each canary's own bytes (`overt.conduct.canary.bodies`): matches are then extended and masks undone.
    Raises `ConductError` if the evidence is damaged, `ConfinementError` if the workers can't be confined.
    """
    canaries, flows = list(folder.read(Canary)), list(folder.read(Flow))
    todo = list(sources(folder, flows, limits))
    examiner = Examiner(Needles(canaries, bodies or {}), limits)
    found = _Found()
    for source, answer in _answers(folder, todo, examiner, limits, confined, tell):
        _take(found, source, answer, folder)
    into = into or folder
    into.write(Sighting, sightings([*found.hits, *_sizes(found, examiner.sizes)]))
    into.write(OpaqueBytes, _opaque(found, flows))


def _answers(
    folder: RunFolder, todo: Sequence[Source], examiner: Examiner, limits: Limits, confined: bool, tell: Tell
) -> list[tuple[Source, Examined | str]]:
    """What workers say to each source, in the sources' order; a text: why nothing was said."""
    bounds = Bounds(limits.max_memory_bytes, limits.max_answer_bytes, limits.deadline_s)
    count = max(1, min(limits.workers, len(todo)))
    pools: list[Expendables] = []
    try:
        for _ in range(count):
            pools.append(Expendables(Answerer(examiner), bounds, confined, prepare))
        return _ask_all(folder, todo, pools, limits, tell)
    finally:
        for pool in pools:
            pool.close()


def _ask_all(
    folder: RunFolder, todo: Sequence[Source], pools: Sequence[Expendables], limits: Limits, tell: Tell
) -> list[tuple[Source, Examined | str]]:
    answers: dict[int, Examined | str] = {}
    end = time.monotonic() + limits.max_search_s
    sizes = [_size(folder, source) for source in todo]
    failures: list[OvertError] = []
    waiting: queue.SimpleQueue[range] = queue.SimpleQueue()
    for batch in sorted(_batches(sizes), key=lambda batch: -sum(sizes[batch.start : batch.stop])):
        waiting.put(batch)  # the largest first: or one worker has one more at the end, and the others nothing

    def work(pool: Expendables) -> None:
        while not failures:
            try:
                batch = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                said = _ask(folder, todo[batch.start : batch.stop], pool, limits, end)
                answers.update(zip(batch, said, strict=True))
            except OvertError as error:
                failures.append(error)
            tell(len(answers), len(todo))

    threads = [threading.Thread(target=work, args=(pool,), daemon=True) for pool in pools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [(source, answers[number]) for number, source in enumerate(todo)]


def _batches(sizes: Sequence[int]) -> Iterable[range]:
    """Small sources together: a fresh process for each of a thousand flows would be most of the work."""
    start = size = 0
    for number, more in enumerate(sizes):
        if number > start and (size + more > BATCH_BYTES or number - start >= BATCH_SOURCES):
            yield range(start, number)
            start, size = number, 0
        size += more
    if start < len(sizes):
        yield range(start, len(sizes))


def _size(folder: RunFolder, source: Source) -> int:
    """Bytes that are searched."""
    held = source.size or sum(within(folder.path, name).stat().st_size for name in source.files)
    return held + sum(map(len, source.texts))


def _ask(
    folder: RunFolder, batch: Sequence[Source], pool: Expendables, limits: Limits, end: float
) -> list[Examined | str]:
    """One answer for each source; those of a batch that kills its worker are asked one by one. None is asked after
    `end`, nor one that is too large."""
    if time.monotonic() > end:
        return [f"the whole search took longer than max_search_s = {limits.max_search_s:g}"] * len(batch)
    if batch[0].kind is Kind.BODIES and _size(folder, batch[0]) > limits.max_joined_bytes:
        return [f"its parts have more than max_joined_bytes = {limits.max_joined_bytes:,}"] * len(batch)
    questions = [
        Question(source.kind, tuple(_parts(folder, source)), source.texts, source.counted) for source in batch
    ]
    try:
        said = msgspec.msgpack.decode(pool.ask(msgspec.msgpack.encode(questions)), type=list[Examined])
        if len(said) == len(batch):
            return [*said]
        why = "the worker gave no whole answer"
    except WorkerDied as error:
        why = str(error)
    except msgspec.MsgspecError as error:
        why = f"the worker gave no whole answer ({error})"
    return (
        [why]
        if len(batch) == 1
        else [answer for one in batch for answer in _ask(folder, [one], pool, limits, end)]
    )


def _parts(folder: RunFolder, source: Source) -> Iterable[bytes]:
    for name in source.files:
        path = within(folder.path, name)
        try:
            with open(path, "rb") as stream:
                stream.seek(source.start)
                yield stream.read(source.size or -1)
        except OSError as error:
            raise ConductError(f"{path}: {error.strerror}: this stream is part of the evidence") from error


def _take(found: _Found, source: Source, answer: Examined | str, folder: RunFolder) -> None:
    if isinstance(answer, str):
        found.unsearched.append(_unsearched(source, folder, f"not searched: {answer}"))
        return
    found.hits += [(source, hit) for hit in answer.hits]
    if source.kind is not Kind.BODIES:  # where bodies are joined, numbers run into each other
        for number in answer.numbers:
            place = source.destination, number.notation
            found.numbers.setdefault(place, {}).setdefault(number.size, (source, number))
    joined = source.kind is Kind.BODIES and answer.hits and source.destination in found.left
    if source.kind in (Kind.STREAM, Kind.HELLO) or joined or _is_domain(source):
        _count(found.left.setdefault(source.destination, {}), source, answer.left)
    if answer.cut:
        found.unsearched.append(_unsearched(source, folder, f"not searched to the end: {answer.cut}"))


def _is_domain(source: Source) -> bool:
    """Whether these are all names below one domain: those of one of its hosts are among them."""
    return source.kind is Kind.NAMES and source.destination.count(".") == 1


def _count(known: dict[tuple[int, ...], list[Left]], source: Source, left: Left) -> None:
    """Add what is unread; what was read only in a concatenation no longer counts in its flows."""
    if source.kind is Kind.BODIES:
        for flow in source.flows:
            known.pop((flow,), None)
    known.setdefault(source.flows, []).append(left)


def _sizes(found: _Found, sizes: Sizes) -> Iterable[tuple[Source, Hit]]:
    """Planted sizes that left, but for those of files of which more was seen to go there."""
    known = {(source.destination, hit.canary) for source, hit in found.hits if hit.form == CONTENT}
    seen = {key: numbers.keys() for key, numbers in found.numbers.items()}
    for one in told(sizes, seen, known):
        source, number = found.numbers[one.place, one.notation][one.size]
        yield (
            source,
            Hit(
                canary=one.canary,
                form=SIZE,
                matched=one.why,
                route=number.route,
                offset=number.offset,
                length=0,
            ),
        )


def _unsearched(source: Source, folder: RunFolder, why: str) -> OpaqueBytes:
    """A concatenation counts no bytes: those of its parts are counted where they are."""
    counts: Counter[int] = Counter()
    if source.kind in (Kind.STREAM, Kind.HELLO):
        for part in _parts(folder, source):
            counts.update(part)
    return OpaqueBytes(
        destination=source.destination,
        flows=source.flows,
        bytes=counts.total(),
        bits_per_byte=round(bits_per_byte(tuple(counts.values())), 3),
        why=why,
    )


def sightings(hits: Sequence[tuple[Source, Hit]]) -> list[Sighting]:
    """The best sighting of each canary in each form and place, by canary: the most bytes by the shortest route.

    One in a concatenation counts only if it shows more than those in the single flows.
    """
    best: dict[tuple[int, str, int], Sighting] = {}
    places: dict[tuple[int, ...], int] = {}
    shown = _Shown()
    ordered = sorted(hits, key=lambda pair: len(pair[0].flows))
    for _, group in groupby(ordered, key=lambda pair: id(pair[0])):
        by_source = list(group)
        source = by_source[0][0]
        flows, first = frozenset(source.flows), min(source.flows, default=0)
        place = places.setdefault(source.flows, len(places))
        less: dict[tuple[int, str], int] = {}
        for _, hit in by_source:
            what = hit.canary, hit.form
            if what not in less:
                less[what] = shown.in_fewer(what, flows)
            if less[what] >= hit.length:
                continue
            shown.add(what, first, flows, hit.length)
            seen, key = _sighting(source, hit), (*what, place)
            if key not in best or _rank(seen) < _rank(best[key]):
                best[key] = seen
    return sorted(best.values(), key=lambda seen: (seen.canary, seen.form, seen.flows))


@dataclass(slots=True)
class _Shown:
    """The longest that any flows showed of each canary in each form: quick for 100,000 flows, too."""

    _by_first: dict[tuple[int, str], dict[int, dict[frozenset[int], int]]] = field(default_factory=dict)
    """What → the least number of the flows → the flows → length."""

    def add(self, what: tuple[int, str], first: int, flows: frozenset[int], length: int) -> None:
        """These flows, of which `first` is the least, show so much."""
        known = self._by_first.setdefault(what, {}).setdefault(first, {})
        known[flows] = max(length, known.get(flows, 0))

    def in_fewer(self, what: tuple[int, str], flows: frozenset[int]) -> int:
        """The longest that some of `flows`, and not all, show; -1 if they show nothing."""
        by_first = self._by_first.get(what, {})
        if len(flows) < 2:
            return -1
        lengths = (
            length
            for first in by_first.keys() & flows
            for fewer, length in by_first[first].items()
            if fewer < flows
        )
        return max(lengths, default=-1)


def _sighting(source: Source, hit: Hit) -> Sighting:
    return Sighting(
        canary=hit.canary,
        flow=source.flows[0] if len(source.flows) == 1 else None,
        flows=source.flows,
        form=hit.form,
        route=hit.route,
        offset=source.start + hit.offset,
        length=hit.length,
        matched=hit.matched,
    )


def _rank(seen: Sighting) -> tuple[int, int, tuple[str, ...], int]:
    return -seen.length, len(seen.route), seen.route, seen.offset


def _opaque(found: _Found, flows: Sequence[Flow]) -> list[OpaqueBytes]:
    hidden = _not_opened(flows)
    said = [_hidden(name, group, found.left.get(name, {})) for name, group in hidden.items()]
    allowed: dict[str, Mapping[tuple[int, ...], list[Left]]] = {}
    for name, by_flows in found.left.items():
        for flow in hidden.get(name, ()):
            by_flows.pop((flow.number,), None)
        counts = added(left for all_left in by_flows.values() for left in all_left)
        if counts.total():
            said.append(_row(name, by_flows, counts, UNREADABLE))
        else:
            allowed[name] = by_flows
    return sorted(
        (*said, *_scattered(allowed), *found.unsearched),
        key=lambda opaque: (opaque.destination, opaque.flows, opaque.why),
    )


def _scattered(allowed: Mapping[str, Mapping[tuple[int, ...], list[Left]]]) -> Iterable[OpaqueBytes]:
    """What is little enough to each destination, and too much to all of them."""
    by_flows: dict[tuple[int, ...], list[Left]] = {}
    for one in allowed.values():
        for flows, left in one.items():
            by_flows.setdefault(flows, []).extend(left)
    counts = together(left for all_left in by_flows.values() for left in all_left)
    if counts:
        yield _row(f"{len(allowed):,} destinations together", by_flows, counts, SCATTERED)


def _row(
    name: str, by_flows: Mapping[tuple[int, ...], Sequence[Left]], counts: Counter[int], why: str
) -> OpaqueBytes:
    return OpaqueBytes(
        destination=name,
        flows=_whose(by_flows),
        bytes=counts.total(),
        bits_per_byte=round(bits_per_byte(tuple(counts.values())), 3),
        why=why,
    )


def _whose(left: Mapping[tuple[int, ...], Sequence[Left]]) -> tuple[int, ...]:
    """The flows that sent more than short things; all that sent some, if none did."""
    long = [flows for flows, sent in left.items() if any(one.counts for one in sent)]
    chosen = long or [flows for flows, sent in left.items() if any(sent)]
    return tuple(sorted({flow for flows in chosen for flow in flows}))


def _not_opened(flows: Sequence[Flow]) -> Mapping[str, list[Flow]]:
    groups: dict[str, list[Flow]] = {}
    for flow in flows:
        if flow.opened is Opened.OPAQUE and flow.sent_bytes:
            groups.setdefault(flow.destination, []).append(flow)
    return groups


def _hidden(name: str, group: Sequence[Flow], left: Mapping[tuple[int, ...], Sequence[Left]]) -> OpaqueBytes:
    """Flows that were encrypted: all that they sent counts."""
    counts = added(one for flow in group for one in left.get((flow.number,), ()))
    reasons = sorted({flow.why_opaque for flow in group if flow.why_opaque})
    return OpaqueBytes(
        destination=name,
        flows=tuple(sorted(flow.number for flow in group)),
        bytes=sum(flow.sent_bytes for flow in group),
        bits_per_byte=round(bits_per_byte(tuple(counts.values())), 3) if counts.total() else HIDDEN_BITS,
        why="; ".join((NOT_OPENED, *reasons)),
    )
