"""What the engine says when content tries to crowd out the answer."""

from __future__ import annotations

import io
import zipfile

import msgspec

from overt.core.limits import Limits
from overt.core.model import Reason, Verdict
from overt.engine.examine import MAX_FINDINGS, MAX_TEXT, Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import MAX_COUNTED, Matcher
from overt.scan.wire import MAX_REPLY_BYTES, Reply
from tests.payload import PAYLOAD, examine, pack


def test_a_flooded_pattern_is_a_gap() -> None:
    """A rule that counts or places its pattern can't answer past what the engine counts: never clean."""
    rule = 'rule last { strings: $a = "needle" condition: $a at (filesize - 6) }'
    examiner = Examiner(Matcher(pack(rule, "last")), HashSets())
    assert examiner.examine(b"needle" * 2000).verdict is Verdict.INFECTED
    flooded = examiner.examine(b"needle" * (MAX_COUNTED + 10))
    assert flooded.verdict is not Verdict.CLEAN
    assert flooded.verdict is Verdict.INFECTED or flooded.gaps[0].reason is Reason.MATCHES


def test_names_can_not_crowd_out_a_report() -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for index in range(400):
            archive.writestr(f"{index}" + "n" * 60_000, PAYLOAD[:80])
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("o" * 65_000, inner.getvalue())
    examination = examine(outer.getvalue())
    assert examination.verdict is Verdict.INFECTED
    assert len(examination.findings) <= MAX_FINDINGS
    assert all(len(name) <= MAX_TEXT for finding in examination.findings for name in finding.inside)
    assert len(msgspec.msgpack.encode(Reply(1, examination, 0.0))) < MAX_REPLY_BYTES


def test_a_file_name_in_another_encoding() -> None:
    rule = 'rule r { condition: filename contains "caf" }'
    made = msgspec.structs.replace(pack(rule, "r"), externals=("filename",))
    examination = Examiner(Matcher(made), HashSets()).examine(b"x", "caf\udce9.com")
    assert examination.verdict is Verdict.INFECTED


def test_a_finding_before_a_limit_counts() -> None:
    examination = examine(PAYLOAD + b"PK", Limits(max_unpacked_bytes=1))
    assert examination.verdict is Verdict.INFECTED
