"""Where importers put what they carry over: YARA texts, hashes, and a problem for everything that they don't."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from overt.engine.hashset import Label
from overt.rules.hashfile import ALGORITHM_OF, EMPTY_FILE, HashFileWriter
from overt.rules.yara_source import Problem


class Intake:
    """One set of rules in the making. Hashes go to disk as they come, so millions of them fit."""

    def __init__(self, scratch: Path) -> None:
        """`scratch`: an existing, empty folder for what does not fit into memory."""
        self.texts: dict[str, str] = {}
        """YARA text by source name."""
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        """Facts about the whole that whoever adds it should know."""
        self.carried: Counter[str] = Counter()
        """How much of what kind was carried over."""
        self._scratch = scratch
        self._writers: dict[tuple[str, bool], HashFileWriter] = {}

    @property
    def writers(self) -> tuple[HashFileWriter, ...]:
        """One per algorithm and kind in use."""
        return tuple(self._writers.values())

    def text(self, source: str, text: str) -> None:
        """Carry over one file of YARA rules; a second one of the same name gets a number."""
        name, number = source, 2
        while name in self.texts:
            name, number = f"{source} ({number})", number + 1
        self.texts[name] = text

    def hash(self, digest: bytes, label: Label, size: int = -1, of_sections: bool = False) -> None:
        """Carry over one digest of 16, 20 or 32 bytes; `size` in bytes, -1 when not known."""
        key = (ALGORITHM_OF[len(digest)], of_sections)
        if key not in self._writers:
            self._writers[key] = HashFileWriter(key[0], self._scratch, of_sections)
        self._writers[key].add(digest, label, size)

    def file_hash(self, source: str, line: int, digest: bytes, label: Label, size: int = -1) -> None:
        """The same for whole files, but for the empty file's digest: lists of malware often hold it by mistake."""
        if digest in EMPTY_FILE:
            self.problem(source, line, "this is the hash of the empty file", label.name)
        else:
            self.hash(digest, label, size)

    def problem(self, source: str, line: int, message: str, rule: str = "") -> None:
        """Record something that is not carried over; `line` counts from 1 (0: the file as a whole)."""
        self.problems.append(Problem(source, line, message, rule))
