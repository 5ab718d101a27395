"""What `overt verify-install` found, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from overt.channel.install.finding import Finding, Grade
from overt.channel.install.proven import Evidence, Proven
from overt.channel.install.verify import Report
from overt.cli.quantities import counted
from overt.cli.voice import styled, visible

SCHEMA = "overt-verify-install/1"
_STYLES = {Grade.PROBLEM: "red", Grade.UNVERIFIED: "yellow", Grade.NOTE: "dim"}


def lines(report: Report, proven: Proven, evidence: Evidence, same_source: bool) -> Iterator[str]:
    """The release and why it is believed; each finding; what was checked; what it comes to."""
    release = proven.release
    head = proven.accepted.checkpoint
    yield f"release: {release.program} {release.version}, record {release.sha256}"
    yield f"logged: entry {proven.index} of {visible(head.origin)}, tree of {head.head.size}"
    yield f"witnesses: {_witnesses(proven)}"
    if same_source:
        yield f"policy: {evidence.policy} came with the release: compare it with one from elsewhere"
    yield f"installation: {visible(str(report.place.site))}{' (this program itself)' if report.place.own else ''}"
    for finding in report.findings:
        yield _finding(finding)
    yield from _scope(report)
    yield _verdict(report)


def _witnesses(proven: Proven) -> str:
    times = [f"{visible(name)} ({_when(time_s)})" for name, time_s in proven.accepted.cosigned_s]
    if not times:
        return "none: this policy asks for none, so the log alone could show everybody something else"
    return ", ".join(times)


def _when(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")


def _finding(finding: Finding) -> str:
    grade = styled(f"{finding.grade:<10}", _STYLES[finding.grade])
    return f"  {grade} {finding.kind:<8} {visible(finding.path)}: {visible(finding.detail)}"


def _scope(report: Report) -> Iterator[str]:
    yield f"checked: {counted(len(report.release.files), 'file')} of the release, commands, bytecode, start-up files"
    proven = sum(one.proven for one in report.dependencies)
    own = len(report.dependencies) - proven
    if proven:
        yield f"dependencies: {proven} held to wheels that the release names"
    if own:
        yield f"dependencies: {own} held to their own RECORD only; --wheels DIR holds them to the release"
    if report.others:
        names = ", ".join(f"{one.name} {one.version}" for one in report.others)
        yield f"not of the release, in the same environment: {visible(names)}"
    if report.place.shares_system:
        yield "the environment shares the system's packages, which were not checked"
    yield f"trusted without a check: the kernel, Python in {report.place.library}, and {_self(report)}"


def _self(report: Report) -> str:
    if report.place.own:
        return "this program itself: check it from another copy with --python to be sure"
    return "the copy of overt that says this"


def _verdict(report: Report) -> str:
    problems, unsure = report.count(Grade.PROBLEM), report.count(Grade.UNVERIFIED)
    name = f"{report.release.program} {report.release.version}"
    if problems:
        found = counted(problems, "problem")
        return styled(
            f"this is not {name} as released: {found}. keep a copy for whoever looks into it, then reinstall",
            "red",
        )
    if unsure:
        return styled(
            f"the files are those of {name}; {counted(unsure, 'fact')} beside them could not be verified",
            "yellow",
        )
    return styled(f"this is {name} as released", "green")


def as_json(report: Report, proven: Proven, evidence: Evidence) -> str:
    """`overt-verify-install/1`, one document."""
    head = proven.accepted.checkpoint
    return json.dumps(
        {
            "schema": SCHEMA,
            "release": {
                "program": proven.release.program,
                "version": proven.release.version,
                "record_sha256": proven.release.sha256,
                "wheel_sha256": proven.release.wheel.sha256,
            },
            "log": {
                "origin": head.origin,
                "index": proven.index,
                "size": head.head.size,
                "cosigned": dict(proven.accepted.cosigned_s),
                "policy": str(evidence.policy),
            },
            "installation": {"site": str(report.place.site), "own": report.place.own},
            "files": len(report.release.files),
            "dependencies": [
                {"name": one.installed.name, "version": one.installed.version, "held_to_release": one.proven}
                for one in report.dependencies
            ],
            "others": [{"name": one.name, "version": one.version} for one in report.others],
            "findings": [asdict(one) for one in report.findings],
            "problems": report.count(Grade.PROBLEM),
            "unverified": report.count(Grade.UNVERIFIED),
        },
        indent=2,
    )
