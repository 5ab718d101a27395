"""What rules cost, measured here and now: time beyond that of an empty rule, per megabyte of the same files."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from overt.cli.quantities import counted
from overt.cli.voice import note, say, styled, visible
from overt.core.errors import UsageError
from overt.engine.pack import RuleRecord
from overt.rules import added, cost
from overt.rules.active import BASE, added_texts, base_texts
from overt.rules.check import accepted
from overt.rules.yara_source import Source, split
from overt.store.paths import paths

SHOWN = 15
"""Rules listed, the most expensive first."""
MAX_BYTES = 64 << 20
"""Bytes of named files that are looked at: enough to compare rules, without taking minutes."""
OWN_BYTES = 4 << 20
"""Bytes of a program, and again of Python's library, that are looked at when no files were named."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The files that rules are measured on."""

    files: tuple[bytes, ...]
    what: str
    """In words."""

    @property
    def megabytes(self) -> float:
        return sum(map(len, self.files)) / 1e6

    def of_set(self, name: str) -> float:
        """Milliseconds per megabyte of all rules of a set together."""
        return cost.whole(sources_of(name), self.files) * 1000 / self.megabytes

    def of_rule(self, record: RuleRecord) -> str:
        """What one rule costs alone, in words."""
        source = next(source for source in sources_of(record.pack) if source.name == record.source)
        price = cost.one(source, record.name, self.files)
        hits = f", matches {counted(price.hits, 'of these files', '')}" if price.hits else ""
        return f"{price.seconds * 1000 / self.megabytes:.2f} ms/MB alone, measured on {self.what}{hits}"


def sources_of(name: str) -> list[Source]:
    """The sources of the set `name`, without the rules that the engine rejects."""
    texts = base_texts() if name == BASE else added_texts(added.read(paths().data, name))
    return [accepted(split(text.source, text.text)) for text in texts]


def sample_for(named: Sequence[str]) -> Sample:
    """The `named` files and those below named folders, up to `MAX_BYTES`; without any, a program and texts that are
    on every machine: the Python that runs this, and its library. Raises `UsageError` when there is nothing to read.
    """
    if not named:
        own = (*_read([sys.executable], OWN_BYTES), *_read(_library(), OWN_BYTES))
        return Sample(own, _described(own, "this Python and its library"))
    files = tuple(_read(_walk(named), MAX_BYTES))
    if not files:
        raise UsageError("no file to test against: name files, or folders with files")
    return Sample(files, _described(files, ""))


def say_most_expensive(sources: Sequence[Source], sample: Sample, most: int | None = SHOWN) -> None:
    """The rules of `sources` together, then the most expensive ones (None: all) alone."""
    rules = sum(len(source.rules) for source in sources)
    together = cost.whole(sources, sample.files) * 1000
    size = sample.megabytes
    say(f"{counted(rules, 'rule')} on {sample.what}: {together / size:.2f} ms/MB all together")
    say(styled(f"{'ms/MB alone':>11} {'hits':>8}  rule", "bold"))
    for item in cost.each(sources, sample.files)[:most]:
        place = visible(f"{item.source}:{item.line}")
        say(f"{item.seconds * 1000 / size:>11.3f} {item.hits:>8,}  {item.rule} ({place})")


def _described(files: Sequence[bytes], whose: str) -> str:
    text = f"{counted(len(files), 'file')}, {sum(map(len, files)) / 1e6:.1f} MB"
    return f"{text} of {whose}" if whose else text


def _library() -> Iterator[Path]:
    return (Path(path) for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")))


def _read(found: Iterator[Path] | Sequence[str], most_bytes: int) -> Iterator[bytes]:
    """The contents of files, until there are `most_bytes`."""
    size = 0
    for path in found:
        if size >= most_bytes:
            if most_bytes == MAX_BYTES:
                note(f"looked at the first {size / 1e6:.0f} MB only")
            return
        try:
            with open(path, "rb") as file:
                data = file.read(most_bytes - size)
        except OSError as error:
            note(f"{visible(str(path))} can't be read: {error.strerror}")
            continue
        size += len(data)
        yield data


def _walk(targets: Sequence[str]) -> Iterator[Path]:
    for target in targets:
        if os.path.isfile(target):
            yield Path(target)
        for place, folders, names in os.walk(target):
            folders.sort()
            paths_here = (Path(place, name) for name in sorted(names))
            yield from (path for path in paths_here if path.is_file() and not path.is_symlink())
