"""An importer at work on one file in memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from overt.core.model import Finding
from overt.engine.hashset import HashFile, HashSets
from overt.engine.matcher import Matcher
from overt.rules.compile import RuleText, build
from overt.rules.imports.recognise import take
from overt.rules.intake import Intake


class Imported:
    """What became of a file: how it matches, and what was not carried over."""

    def __init__(self, name: str, data: bytes) -> None:
        with TemporaryDirectory() as folder:
            intake = Intake(Path(folder))
            take(name, data, intake)
            self.intake = intake
            self.hashes = HashSets(
                _hash_file(Path(folder), number, intake) for number in range(len(intake.writers))
            )
        self.built = build([RuleText("p", source, text) for source, text in intake.texts.items()])
        self.problems = [*map(str, intake.problems), *map(str, self.built.problems)]
        self.matcher = Matcher(self.built.pack)

    def match(self, data: bytes) -> list[Finding]:
        return self.matcher.match(data) + self.hashes.match(data)

    def names(self, data: bytes) -> set[str]:
        return {finding.rule for finding in self.match(data)}


def _hash_file(folder: Path, number: int, intake: Intake) -> HashFile:
    path = folder / f"{number}.hashes"
    with open(path, "w+b") as target:
        intake.writers[number].write(target, "p")
    return HashFile(path.read_bytes(), path.name)
