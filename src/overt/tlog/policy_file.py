"""Trust policies as text (c2sp.org/tlog-policy, "Policy file syntax and structure").

The one format here that is not canonical: comments and blanks are allowed. `encode` gives a policy's one plain form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from overt.core.errors import Malformed
from overt.tlog.keys import parse_key
from overt.tlog.policy import NONE, Log, Policy, Witness
from overt.tlog.quorum import Group
from overt.tlog.text import decimal, shown

MAX_POLICY_BYTES = 1 << 20

_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


@dataclass
class _Lines:
    """What the lines so far have defined."""

    logs: list[Log] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None

    def take(self, words: list[str]) -> None:
        """Read one line. Raises `Malformed`."""
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self.logs.append(Log(parse_key(key), *url))
            case ["witness", name, key, *url] if len(url) <= 1:
                self.witnesses.append(Witness(name, parse_key(key), *url))
            case ["group", name, threshold, *members]:
                self._check_defined(members)
                self.groups.append(Group(name, _threshold(threshold, len(members)), tuple(members)))
            case ["quorum", name] if self.quorum is None:
                self._check_defined([] if name == NONE else [name])
                self.quorum = name
            case ["quorum", _]:
                raise Malformed("a second quorum")
            case _:
                raise Malformed(f"{shown(' '.join(words))} is no log, witness, group or quorum line")

    def _check_defined(self, names: list[str]) -> None:
        defined = {witness.name for witness in self.witnesses} | {group.name for group in self.groups}
        for name in names:
            if name not in defined:
                raise Malformed(f"{shown(name)} is not defined on a line before")


def parse(data: bytes) -> Policy:
    """The policy that the file `data` states. Raises `Malformed` naming the line or the rule that it breaks."""
    if len(data) > MAX_POLICY_BYTES:
        raise Malformed(f"log policy: {len(data)} bytes are more than {MAX_POLICY_BYTES}")
    if _FORBIDDEN.search(data):
        raise Malformed("log policy: a control character in it that is no tab or newline")
    text = data.decode(
        "utf-8", "surrogateescape"
    )  # octets stay distinct, whatever they encode ("Character set")
    if not text.endswith("\n"):
        raise Malformed("log policy: its last line has no newline")
    found = _Lines()
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in re.split("[ \t]", line) if word]
        if words and not words[0].startswith("#"):
            _take(found, words, number)
    if found.quorum is None:
        raise Malformed("log policy: no quorum line; for a log without witnesses, write `quorum none`")
    return Policy(tuple(found.logs), tuple(found.witnesses), tuple(found.groups), found.quorum)


def encode(policy: Policy) -> bytes:
    """The policy as a file, without comments: `parse` makes an equal policy of it."""
    lines = [f"log {log.key.encode()} {log.url}".rstrip(" ") for log in policy.logs]
    lines += [f"witness {one.name} {one.key.encode()} {one.url}".rstrip(" ") for one in policy.witnesses]
    lines += [f"group {one.name} {one.threshold} {' '.join(one.members)}" for one in policy.groups]
    lines.append(f"quorum {policy.quorum}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _take(found: _Lines, words: list[str], number: int) -> None:
    try:
        found.take(words)
    except Malformed as error:
        raise Malformed(f"log policy, line {number}: {error}") from None


def _threshold(word: str, members: int) -> int:
    """`all`, `any`, or a number."""
    match word:
        case "all":
            return members
        case "any":
            return 1
        case _:
            return decimal(word, "threshold", maximum=max(1, members))
