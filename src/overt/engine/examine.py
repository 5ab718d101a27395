"""Bytes in, verdict out: match, hash, recognise, unpack, and again inside. No file system, no network."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from overt.core.errors import Damaged, Encrypted, UnpackError, Unsupported
from overt.core.limits import Limits
from overt.core.model import Examination, Finding, Gap, Reason, Severity
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.engine.unpack.base import Budget, Format, Room, describe
from overt.engine.unpack.registry import DATA, identify

MAX_FINDINGS = 1_000
"""Findings kept per file, those that infect first; a file with more is infected all the same."""
MAX_GAPS = 1_000
MAX_TEXT = 300
"""Characters kept of a name inside a container and of a gap's words: a hostile name can't crowd out a report."""


class Examiner:
    """Rules, hash sets, limits and passwords, ready to examine one file after another."""

    def __init__(
        self,
        matcher: Matcher,
        hashes: HashSets,
        limits: Limits | None = None,
        passwords: tuple[str, ...] = (),
    ) -> None:
        self.matcher = matcher
        self.hashes = hashes
        self.limits = limits or Limits()
        self.passwords = passwords

    def examine(self, data: bytes, name: str = "", file_bytes: int | None = None) -> Examination:
        """Examine one file's bytes. `name` is given to rules that look at it; `file_bytes` is the size on disk
        when `data` is only its beginning. Raises nothing that a hostile file could cause."""
        budget = Budget(self.limits, file_bytes or len(data))
        name = _plain(name)
        if file_bytes is not None and file_bytes > len(data):
            budget.gaps.append(
                Gap(Reason.FILE_BYTES, f"examined the first {len(data)} of {file_bytes} bytes")
            )
        findings: list[Finding] = []
        kind = self._examine(data, name, Room(budget, (), self.passwords), findings)
        gaps = tuple(dict.fromkeys(map(_plain_gap, budget.gaps)))
        return Examination(
            findings=_worst_first(findings)[:MAX_FINDINGS],
            gaps=gaps[:MAX_GAPS],
            kind=kind.name,
            bytes_examined=len(data),
            bytes_unpacked=budget.unpacked_bytes,
            entries=budget.entries,
        )

    def _examine(self, data: bytes, name: str, room: Room, findings: list[Finding]) -> Format:
        """One content: its own findings first, then its members'. Returns what it is."""
        findings.extend(self._findings(data, name, room))
        formats = identify(data)
        for form in formats:
            if form.unpack is not None:
                if len(room.inside) >= self.limits.max_depth:
                    room.gap(Reason.DEPTH, f"{form.name} at depth {len(room.inside)}")
                    break
                self._unpack(form, data, room, findings)
        return formats[0] if formats else DATA

    def _findings(self, data: bytes, name: str, room: Room) -> list[Finding]:
        matched, flooded = self.matcher.look(data, name)
        for rule in flooded:
            room.gap(Reason.MATCHES, f"a pattern of {rule} matched more often than is looked at")
        found = [*matched, *self.hashes.match(data)]
        if not found:
            return []
        digest = hashlib.sha256(data).hexdigest()
        return [replace(finding, inside=room.inside, sha256=digest) for finding in found]

    def _unpack(self, form: Format, data: bytes, room: Room, findings: list[Finding]) -> None:
        """Examine each member; whatever stops the unpacker becomes a gap of this container."""
        assert form.unpack is not None
        try:
            for child in form.unpack(data, room):
                room.budget.entries += 1
                if not room.check_entries():
                    return
                inner = Room(room.budget, (*room.inside, _plain(child.name) or form.name), room.passwords)
                self._examine(child.data, child.name, inner, findings)
                if room.spent:
                    return
        except Encrypted as error:
            room.gap(Reason.ENCRYPTED, describe(error))
        except Unsupported as error:
            room.gap(Reason.UNSUPPORTED, f"{form.name}: {describe(error)}")
        except (Damaged, UnpackError) as error:
            room.gap(Reason.DAMAGED, f"{form.name}: {describe(error)}")
        except MemoryError:
            room.gap(Reason.MEMORY, f"{form.name}: out of memory")
        except (
            Exception
        ) as error:  # a parser met bytes it never expected: the container is damaged or hostile
            room.gap(Reason.DAMAGED, f"{form.name}: {type(error).__name__}: {describe(error)}")


def _worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """All findings, those that infect before the notes, so that a cut can't lose the verdict."""
    return tuple(sorted(findings, key=lambda finding: finding.severity is Severity.NOTE))


def _plain(text: str) -> str:
    """`text` without lone surrogates (names come in any encoding), and no longer than a person would read."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 1] + "…"


def _plain_gap(gap: Gap) -> Gap:
    return Gap(gap.reason, _plain(gap.detail), tuple(map(_plain, gap.inside)))
