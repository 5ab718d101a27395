"""What is searched: every stream in windows, and the concatenations that matter.

A concatenation joins what one destination, or one process, was sent piece by piece: bodies of requests, values of one
parameter or header, labels of names below one domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Flow, Request
from overt.conduct.finder.limits import Limits
from overt.core.errors import ConductError

PARENT_LABELS = (2, 3)
"""Domains below which names are joined: `example.org`, and `host.example.org`."""
NOT_NAMES = frozenset(
    "GET POST PUT PATCH DELETE HEAD OPTIONS CONNECT STOR RETR PUBLISH SUBSCRIBE UNSUBSCRIBE".split()
)
"""Methods whose target may look like a domain and is none."""
NAME_APPLICATIONS = ("dns",)
MAX_NAMED = 50
"""Destinations in the name of a concatenation."""


class Kind(StrEnum):
    """How the parts of a source belong together."""

    STREAM = "stream"
    """One window of what one flow sent."""
    HELLO = "hello"
    """What one flow said in clear before it was encrypted."""
    BODIES = "bodies"
    """Streams whose bodies, or which themselves, are joined."""
    REQUESTS = "requests"
    """Targets and headers, whose values are joined by name."""
    NAMES = "names"
    """Domain names, whose labels are joined by place."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to search: a question to a worker, but for the bytes of files."""

    kind: Kind
    flows: tuple[int, ...]
    destination: str
    files: tuple[str, ...] = ()
    """Below the run's folder."""
    start: int = 0
    size: int = 0
    """Bytes of the window, of a stream."""
    counted: int = 0
    """Bytes at its beginning that the window before it has too."""
    texts: tuple[str, ...] = ()
    """Names, or targets and header lines, in time order."""


def sources(folder: RunFolder, flows: Sequence[Flow], limits: Limits) -> Iterator[Source]:
    """Everything to search, streams first. Raises `ConductError` if a stream's file is missing or has another size."""
    ordered = sorted(flows, key=lambda flow: (flow.at_s, flow.number))
    sizes = {flow.number: stream_bytes(folder, flow) for flow in ordered if flow.sent}
    for flow in ordered:
        step = limits.window_bytes - limits.overlap_bytes
        for start in range(0, max(sizes.get(flow.number, 0) - limits.overlap_bytes, 1), step):
            if flow.sent:
                size = min(limits.window_bytes, sizes[flow.number] - start)
                yield Source(
                    kind=Kind.STREAM,
                    flows=(flow.number,),
                    destination=flow.destination,
                    files=(flow.sent,),
                    start=start,
                    size=size,
                    counted=limits.overlap_bytes if start else 0,
                )
        if flow.hello:
            yield Source(
                kind=Kind.HELLO, flows=(flow.number,), destination=flow.destination, files=(flow.hello,)
            )
    yield from _joined(ordered, sizes, limits)
    yield from _requests(ordered)
    yield from _names(ordered)


def stream_bytes(folder: RunFolder, flow: Flow) -> int:
    """Bytes of a flow's file. Raises `ConductError`."""
    path = within(folder.path, flow.sent)
    try:
        return path.stat().st_size
    except OSError as error:
        raise ConductError(
            f"{path}: {error.strerror}: this stream is part of the evidence and must be there"
        ) from error


def within(folder: Path, name: str) -> Path:
    """The file `name` below `folder`. Raises `ConductError` if it is elsewhere, or a link leads there."""
    steps = name.split("/")
    path = folder.joinpath(*steps)
    inside = "\0" not in name and not {"", ".", ".."} & {*steps}
    linked = inside and any(one.is_symlink() for one in (path, *path.parents[: len(steps) - 1]))
    if not inside or linked or (path.exists() and not path.is_file()):
        raise ConductError(f"{name}: this is no file of the run's own folder: the evidence was changed")
    return path


def _joined(flows: Sequence[Flow], sizes: dict[int, int], limits: Limits) -> Iterator[Source]:
    by_destination: dict[str, list[Flow]] = {}
    by_process: dict[int, list[Flow]] = {}
    for flow in flows:
        if flow.sent and flow.application not in NAME_APPLICATIONS:
            by_destination.setdefault(flow.destination, []).append(flow)
            if flow.process is not None:
                by_process.setdefault(flow.process, []).append(flow)
    for name, group in by_destination.items():
        if len(group) > 1 or len(group[0].requests) > 1:
            yield from _bodies(name, group, sizes, limits)
    for group in by_process.values():
        names = {flow.destination for flow in group}
        if len(names) > 1:
            yield from _bodies(_several(sorted(names)), group, sizes, limits)


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return " and ".join(names[:MAX_NAMED]) + more


def _bodies(name: str, group: Sequence[Flow], sizes: dict[int, int], limits: Limits) -> Iterator[Source]:
    """The group's flows in time order; where they are more than may be joined, those of like size together, so that
    nothing large keeps many small pieces apart."""
    for chosen in _like_sized(group, sizes, limits.max_joined_bytes):
        if len(chosen) > 1 or len(chosen[0].requests) > 1:
            numbers, files = tuple(flow.number for flow in chosen), tuple(flow.sent for flow in chosen)
            yield Source(kind=Kind.BODIES, flows=numbers, destination=name, files=files)


def _like_sized(group: Sequence[Flow], sizes: dict[int, int], most: int) -> Iterator[Sequence[Flow]]:
    """The group in parts of at most `most` bytes each, but for single flows that are larger."""
    if sum(sizes[flow.number] for flow in group) <= most:
        yield group
        return
    place = {flow.number: at for at, flow in enumerate(group)}
    part: list[Flow] = []
    left = most
    for flow in sorted(group, key=lambda flow: sizes[flow.number]):
        if part and sizes[flow.number] > left:
            yield sorted(part, key=lambda flow: place[flow.number])
            part, left = [], most
        part.append(flow)
        left -= sizes[flow.number]
    yield sorted(part, key=lambda flow: place[flow.number])


def _requests(flows: Sequence[Flow]) -> Iterator[Source]:
    groups: dict[str, list[tuple[float, int, Request]]] = {}
    for flow in flows:
        found = [(request.at_s, flow.number, request) for request in flow.requests if not is_name(request)]
        if found:
            groups.setdefault(flow.destination, []).extend(found)
    for name, group in groups.items():
        group.sort(key=lambda found: found[:2])
        yield Source(
            kind=Kind.REQUESTS,
            flows=tuple(dict.fromkeys(number for _, number, _ in group)),
            destination=name,
            texts=tuple(line for _, _, request in group for line in _lines(request)),
        )


def _lines(request: Request) -> Iterator[str]:
    yield f"target: {request.target}"
    for name, value in request.headers:
        yield f"{name}: {value}"


def _names(flows: Sequence[Flow]) -> Iterator[Source]:
    """Names asked for, and server names, by the domains they are below."""
    groups: dict[str, list[tuple[float, int, str]]] = {}
    for flow in flows:
        for at_s, name in _asked(flow):
            labels = name.rstrip(".").lower().split(".")
            for count in PARENT_LABELS:
                if len(labels) >= count:
                    groups.setdefault(".".join(labels[-count:]), []).append((at_s, flow.number, name))
    known = set()
    for parent, found in groups.items():
        found.sort()
        names = tuple(dict.fromkeys(name for _, _, name in found))
        numbers = tuple(dict.fromkeys(number for _, number, _ in found))
        if names not in known:
            known.add(names)
            yield Source(kind=Kind.NAMES, flows=numbers, destination=parent, texts=names)


def _asked(flow: Flow) -> Iterator[tuple[float, str]]:
    """Names in DNS questions, whatever carried them, and in TLS hellos."""
    if flow.server_name:
        yield flow.at_s, flow.server_name
    for request in flow.requests:
        if is_name(request):
            yield request.at_s, request.target


def is_name(request: Request) -> bool:
    """Whether a request names a domain and nothing else: a DNS question, a server name."""
    return not set("/@ ") & set(request.target) and request.method not in NOT_NAMES
