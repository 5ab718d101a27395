"""What each reason for `incomplete` means and what changes it, and what to do about a finding: one text for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from overt.core.model import Reason
from overt.rules.active import BASE


class Advice(NamedTuple):
    """For one reason: what happened, and what to do about it."""

    meaning: str
    remedy: str


REASONS: dict[Reason, Advice] = {
    Reason.FILE_BYTES: Advice(
        "the file is larger than what is read of one file; the rest was not examined",
        "raise --max-file-bytes",
    ),
    Reason.UNPACKED_BYTES: Advice(
        "unpacking the file produced more bytes than allowed; what came before the limit was examined",
        "raise --max-unpacked-bytes if you trust where the file comes from",
    ),
    Reason.MEMBER_BYTES: Advice(
        "one member of a container is larger than allowed; its beginning was examined",
        "raise --max-member-bytes",
    ),
    Reason.DEPTH: Advice(
        "containers are nested deeper than allowed; the innermost ones were not opened",
        "raise --max-depth; honest files seldom nest this deep",
    ),
    Reason.ENTRIES: Advice("the file has more members than allowed", "raise --max-entries"),
    Reason.RATIO: Advice(
        "the file unpacks to far more bytes than it has, as decompression bombs do",
        "raise --max-ratio only if you trust where the file comes from",
    ),
    Reason.MEMORY: Advice("examining the file needed more memory than allowed", "raise --max-memory-bytes"),
    Reason.MATCHES: Advice(
        "one pattern of a rule occurs more often than is looked at; places past that were not compared with the rule",
        "treat the file as suspicious: a flood of decoys can hide the place that matters",
    ),
    Reason.DEADLINE: Advice("examining the file took longer than allowed", "raise --deadline-s"),
    Reason.ENCRYPTED: Advice(
        "the content is encrypted and no password that was given opens it",
        "give the password with --password or --passwords-from",
    ),
    Reason.DAMAGED: Advice(
        "the container breaks its own format; what could be read was examined",
        "get an intact copy, or treat the file as suspicious: damage can also hide content",
    ),
    Reason.UNSUPPORTED: Advice(
        "the container uses a method that cannot be read here",
        "unpack it with its own program in a safe place and scan the result",
    ),
    Reason.CRASHED: Advice(
        "the process that examined the file died; no other file was affected",
        "treat the file as suspicious, and report it: a file should not be able to do this",
    ),
    Reason.FORBIDDEN_CALL: Advice(
        "while the file was examined a forbidden system call was attempted, and the kernel stopped it",
        "treat the file as hostile: do not open it, and report it",
    ),
    Reason.UNREADABLE: Advice(
        "the file could not be opened or read",
        "scan as a user who may read it (sudo overt scan ...)",
    ),
    Reason.VANISHED: Advice("the file was gone before it could be examined", "scan again"),
    Reason.CHANGED: Advice("the file changed while it was read", "scan again when nothing writes to it"),
    Reason.INTERRUPTED: Advice("the scan was stopped before the file was done", "scan again"),
}

FINDING_STEPS = (
    "do not open, run or forward the file",
    "move it away safely: overt scan --quarantine PATH (nothing is lost: overt quarantine restore ID brings it back)",
    "if a program of yours was found: reinstall it from its maker, and change passwords that were used with it",
)
"""What to do about a finding, in order."""


def false_alarm_steps(packs: Iterable[str]) -> tuple[str, ...]:
    """How to judge a possible false alarm of rules from these packs."""
    last = (
        "a rule that is wrong for you can be ignored, and reports say so: overt scan --ignore-rule NAME PATH"
    )
    if not set(packs) <= {BASE}:  # which comes with Overt and cannot be taken out
        last += (
            "; a whole set can be taken out: overt rules remove NAME, a channel: overt channel remove NAME"
        )
    return (
        "a false alarm is likely when the file came straight from a well-known maker and only one rule of low "
        "severity matched",
        "compare the file's SHA-256 with the one its maker publishes, and tell the rule's author (named above)",
        last,
    )
