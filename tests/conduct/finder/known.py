"""What the finder's tests share: one plan, its needles, and runs made of flows that sent given bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from overt.conduct.canary.plan import plan
from overt.conduct.canary.planned import Planned
from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.evidence.records import Arm, Canary, Flow, Losses, Mode, Run
from overt.conduct.finder.examine import Examined, Examiner, Hit
from overt.conduct.finder.limits import Limits
from overt.conduct.finder.needles import Bodies, Needles
from overt.conduct.finder.reckoning import added

SEED = 11


@cache
def canaries() -> tuple[Planned, ...]:
    """All canaries of one plan."""
    return tuple(item for item in plan(Arm.MIXED, SEED) if item.number is not None)


@cache
def bodies() -> Bodies:
    """Their bytes."""
    return {item.number: (item.data, *item.pieces) for item in canaries() if item.number is not None}


@cache
def examiner() -> Examiner:
    """An examiner that seeks them."""
    return Examiner(Needles([item.record() for item in canaries()], bodies()), Limits())


def one(form: str) -> Planned:
    """The first canary of a pair in this format, without a test file."""
    return next(item for item in canaries() if item.format == form and item.pair and not item.detected)


def examine(data: bytes) -> Examined:
    """What `data` holds."""
    return examiner().examine(data)


def unread(data: bytes) -> int:
    """Bytes of `data` that could not be read, in one source to one destination."""
    return added([examine(data).left]).total()


def content(data: bytes, item: Planned) -> list[Hit]:
    """Hits of one canary's content in `data`; no other canary may be seen."""
    hits = examine(data).hits
    assert {hit.canary for hit in hits} <= {item.number}, "a canary was seen that is not there"
    return sorted(
        (hit for hit in hits if hit.form == "content"), key=lambda hit: (-hit.length, len(hit.route))
    )


class Lab:
    """A run whose flows are made by hand."""

    def __init__(self, folder: Path) -> None:
        self.run: RunFolder = ReportFolder(folder / "report").new_run("mixed-1")
        self.flows: list[Flow] = []
        self.run.write(Canary, [item.record() for item in canaries()])
        self.run.write_run(
            Run(
                name="mixed-1",
                arm=Arm.MIXED,
                seed=SEED,
                mode=Mode.SINK,
                began="2026-11-22T10:00:00Z",
                kernel="6",
                layers=(),
                capabilities=(),
                steps=(),
                losses=Losses(),
                blind=(),
            )
        )

    def flow(self, data: bytes = b"", hello: bytes = b"", **fields: Any) -> Flow:
        """One more flow, which sent these bytes, and this in clear before them."""
        number = len(self.flows) + 1
        if hello:
            fields["hello"] = f"streams/{number:05}.hello"
            (self.run.path / fields["hello"]).write_bytes(hello)
        name = f"streams/{number:05}.out" if data else ""
        if data:
            (self.run.path / name).write_bytes(data)
        known: dict[str, Any] = {
            "number": number,
            "at_s": float(number),
            "ended_s": number + 0.5,
            "step": 1,
            "process": None,
            "protocol": "tcp",
            "application": "http",
            "address": "198.18.0.1",
            "port": 80,
            "name": "up.example",
            "sent_bytes": len(data),
            "sent": name,
        }
        self.flows.append(Flow(**(known | fields)))
        return self.flows[-1]

    def written(self) -> RunFolder:
        """The run with its flows."""
        self.run.write(Flow, self.flows)
        return self.run


def post(body: bytes, chunks: Sequence[int] = ()) -> bytes:
    """One HTTP request, in chunks of these sizes if there are any."""
    head = b"POST /up HTTP/1.1\r\nHost: up.example\r\n"
    if not chunks:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    parts, at = [], 0
    for size in [*chunks, len(body)]:
        part = body[at : at + size]
        at += size
        if part:
            parts.append(b"%x\r\n%s\r\n" % (len(part), part))
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n\r\n"
