"""Who opens no document can't go by its marking; and what may be a document, read past the observers, clears nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from overt.conduct.compare.arms import compare
from overt.conduct.evidence.conclusions import Answer, OpaqueBytes, Verdict
from overt.conduct.evidence.records import Access, Blind, Call, Changed, FileAccess, Losses, Opened
from overt.conduct.judge.questions import judge
from tests.conduct.judge.test_marking import paired
from tests.conduct.report import made

ELSEWHERE = (made.PROFILE_TEXT % "AV").replace(
    '"/home/alice/Documents/**", "/home/alice/Downloads/**"', '"/usr/**"'
)
LISTED = made.access("/home/alice/Documents", access=Access.LIST)
NAME = Path(paired()[0].path).name


def marking(
    path: Path,
    profile: str = ELSEWHERE,
    accesses: Sequence[FileAccess] = (made.access("/usr/bin/ls"), LISTED),
    run: Mapping[str, Any] | None = None,
    calls: Sequence[Call] = (),
    **given: Any,
) -> Answer:
    evidence = changed(
        made.behaving(), run=made.run_record(**(run or {})), canaries=paired(), accesses=accesses, **given
    )
    folder = made.write(path / "report", evidence, profile=profile)
    folder.runs()[0].write(Call, calls)
    folder.write_compared(compare(folder.runs()))
    return next(one for one in judge(folder) if one.question == "marking")


def test_who_opens_no_document_and_says_so_can_not_go_by_markings(tmp_path: Path) -> None:
    answer = marking(tmp_path)
    assert (answer.verdict, answer.good) == (Verdict.NO, True)
    assert "none of the documents of 16 pairs, nor any other file of the homes" in answer.summary
    assert answer.evidence[0] == "evidence/runs/mixed-1/accesses.jsonl"


def test_a_size_that_chance_has_is_no_sign(tmp_path: Path) -> None:
    same = made.change("/var/log/av", step=3, size=paired()[0].size)
    assert marking(tmp_path, changes=[same]).verdict is Verdict.NO


def renamed(arguments: str) -> Call:
    return Call(at_s=5.0, process=1, step=3, name="rename", arguments=arguments, result="0")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"profile": made.PROFILE_TEXT % "AV"}, "declares that it reads such"),
        ({"profile": ELSEWHERE.replace('"/usr/**"', '"/**"')}, "declares that it reads such"),
        ({"profile": ELSEWHERE + "[chamber]\nmounts = true\n"}, "rights by which"),
        ({"profile": ELSEWHERE + "[chamber]\nown_filter = true\n"}, "rights by which"),
        ({"profile": ELSEWHERE + '[chamber]\ncapabilities = ["CAP_SYS_ADMIN"]\n'}, "rights by which"),
        ({"accesses": [made.access("/home/alice/.cache/av")]}, "another's name"),
        ({"accesses": [made.access("/home/alice/.netrc", access=Access.READ)]}, "another's name"),
        ({"calls": [renamed(f'"/home/alice/Documents/{NAME}", "/home/alice/x"')]}, "named, moved or kept"),
        (
            {"calls": [renamed(f'AT_FDCWD, 3</home/alice/Documents/{NAME}>, "", AT_EMPTY_PATH')]},
            "named, moved",
        ),
        (
            {"changes": [made.change("/var/lib/av/x", step=3, sha256=paired()[0].sha256)]},
            "named, moved or kept",
        ),
        ({"changes": [made.change("/var/lib/av/x", step=3, tokens=(paired()[0].token,))]}, "named, moved"),
        ({"changes": [made.change(paired()[0].path, Changed.REMOVED, 3)]}, "named, moved or kept"),
        ({"run": {"losses": Losses(trace_lines=1)}}, "not whole"),
        ({"run": {"losses": Losses(other=1)}}, "not whole"),
        ({"run": {"layers": ("trace", "network", "sockets", "changes")}}, "files were not observed"),
        ({"run": {"layers": ("open", "network", "sockets", "changes")}}, "not whole"),
        (
            {"run": {"blind": (Blind(at_s=5.0, what="It mounted", by=1, attempt=True, defeated=False),)}},
            "mounted",
        ),
        (
            {
                "opaque": [
                    OpaqueBytes(
                        destination="a.example:443", flows=(1,), bytes=9, bits_per_byte=7.9, why="pinned"
                    )
                ],
                "flows": [made.flow(1, "a.example", 3, opened=Opened.OPAQUE)],
            },
            "not whole",
        ),
        (
            {
                "run": {
                    "steps": tuple(replace(one, expected=one.number != 3) for one in made.run_record().steps)
                }
            },
            "not whole",
        ),
    ],
)
def test_what_may_have_been_read_unseen_clears_nobody(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    answer = marking(tmp_path, **given)
    assert (answer.verdict, answer.good) == (Verdict.UNSEEN, None)
    assert words in answer.summary
