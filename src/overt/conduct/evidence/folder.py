"""The folder that holds a report: where each kind of evidence is, and how it is written and read back.

report/
  statement.dsse.json      signed; names the digest of every file below evidence/
  report.html report.pdf oscal.json
  evidence/
    profile.toml           as it ran
    subject.json           what the product is: package digests, version as it prints it
    compared.jsonl         tests over several runs
    answers.json           what the evidence says to each question
    runs/NAME/
      run.json             Run
      canaries.jsonl       Canary …
      processes.jsonl accesses.jsonl calls.jsonl flows.jsonl changes.jsonl listening.jsonl
      sightings.jsonl opaque.jsonl                  made by the finder from what is above
      streams/NNNNN.out .in .hello                   payload of flow NNNNN, as far as it could be opened
      capture.pcapng  trace.log  output/N.txt          raw evidence
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

import msgspec

from overt.conduct.evidence import conclusions, records
from overt.core.errors import ConductError

R = TypeVar("R", bound=records.Record)
T = TypeVar("T")

PROFILE, SUBJECT, COMPARED, ANSWERS = "profile.toml", "subject.json", "compared.jsonl", "answers.json"
"""Files of a report's evidence."""

MAX_LINE_BYTES = 16 << 20
"""Of one record: a longer line is no record of ours."""
MAX_WHOLE_BYTES = 64 << 20
"""Of a file that is read in one piece."""
MAX_HELD_BYTES = 1 << 30
"""Of a file whose records are held in memory together."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record and the file that holds it."""

    file: str
    type: type[records.Record]
    held: bool = True
    """Whether its records are held in memory together; the others are many, and read one by one."""


KINDS = (
    Kind("canaries.jsonl", records.Canary),
    Kind("processes.jsonl", records.Process),
    Kind("accesses.jsonl", records.FileAccess, held=False),
    Kind("calls.jsonl", records.Call, held=False),
    Kind("flows.jsonl", records.Flow),
    Kind("changes.jsonl", records.Change),
    Kind("listening.jsonl", records.Listening),
    Kind("sightings.jsonl", conclusions.Sighting),
    Kind("opaque.jsonl", conclusions.OpaqueBytes),
)
FILES = {kind.type: kind.file for kind in KINDS}
_HELD = frozenset({conclusions.Compared, *(kind.type for kind in KINDS if kind.held)})


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's evidence."""

    path: Path

    def write_run(self, run: records.Run) -> None:
        """Write `run.json`."""
        _write_whole(self.path / "run.json", run)

    def run(self) -> records.Run:
        """Read `run.json`. Raises `ConductError`."""
        return _decoded((self.path / "run.json"), records.Run)

    def file(self, name: str) -> Path | None:
        """The file that a record names, such as a stream's; None if there is none, or it is not below this folder.

        A report may come from anybody: what its records name must not lead elsewhere.
        """
        parts = PurePosixPath(name).parts
        if not parts or parts[0] == "/" or ".." in parts:
            return None
        path = self.path / name
        return path if path.is_file() and not path.is_symlink() else None

    def write(self, kind: type[R], values: Iterable[R]) -> None:
        """Write all records of one kind, one JSON object a line."""
        _write_lines(self.path / FILES[kind], values)

    def read(self, kind: type[R]) -> Iterator[R]:
        """Read the records of one kind, in their order; none if the file is absent. Raises `ConductError`."""
        return _read_lines(self.path / FILES[kind], kind)


@dataclass(frozen=True, slots=True)
class ReportFolder:
    """A whole report."""

    path: Path

    @property
    def evidence(self) -> Path:
        """Everything that the signed statement names."""
        return self.path / "evidence"

    def subject(self) -> records.Subject:
        """What was examined. Raises `ConductError`."""
        return _decoded(self.evidence / SUBJECT, records.Subject)

    def write_subject(self, subject: records.Subject) -> None:
        """Write `subject.json`."""
        _write_whole(self.evidence / SUBJECT, subject)

    def compared(self) -> tuple[conclusions.Compared, ...]:
        """The tests over several runs; none if there is no such file. Raises `ConductError`."""
        return tuple(_read_lines(self.evidence / COMPARED, conclusions.Compared))

    def write_compared(self, values: Iterable[conclusions.Compared]) -> None:
        """Write `compared.jsonl`."""
        _write_lines(self.evidence / COMPARED, values)

    def answers(self) -> tuple[conclusions.Answer, ...]:
        """What the evidence was found to say. Raises `ConductError`."""
        return _decoded(self.evidence / ANSWERS, tuple[conclusions.Answer, ...])

    def write_answers(self, answers: tuple[conclusions.Answer, ...]) -> None:
        """Write `answers.json`."""
        _write_whole(self.evidence / ANSWERS, answers)

    def runs(self) -> list[RunFolder]:
        """The runs, by name."""
        folder = self.evidence / "runs"
        return (
            [RunFolder(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
        )

    def new_run(self, name: str) -> RunFolder:
        """Make the folder of one run, with its folders for streams and output."""
        path = self.evidence / "runs" / name
        for part in ("streams", "output"):
            (path / part).mkdir(parents=True)
        return RunFolder(path)

    def remove_empty_folders(self) -> None:
        """Those in which nothing was recorded: a report holds none, so that one that is added is noticed."""
        for place, _, _ in os.walk(self.evidence, topdown=False):
            if not os.listdir(place):
                os.rmdir(place)


def encoded(value: object) -> bytes:
    """What a file that is read in one piece has in it, for this value."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _write_whole(path: Path, value: object) -> None:
    path.write_bytes(encoded(value))


def _write_lines(path: Path, values: Iterable[records.Record]) -> None:
    encoder = msgspec.json.Encoder()
    with open(path, "wb") as stream:
        stream.writelines(encoder.encode(value) + b"\n" for value in values)


def _read_lines(path: Path, kind: type[R]) -> Iterator[R]:
    if not path.exists():
        return
    if kind in _HELD:
        _bounded(path, MAX_HELD_BYTES)
    decoder = msgspec.json.Decoder(kind)
    with open(path, "rb") as stream:
        for number, line in enumerate(_lines(stream, path), 1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ConductError(
                    f"{path}, line {number}: {error}: this evidence was changed or is from another version"
                ) from error


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        _bounded(path, MAX_WHOLE_BYTES)
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ConductError(f"{path}: {error.strerror}: is this the folder of a conduct report?") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConductError(
            f"{path}: {error}: this evidence was changed or is from another version"
        ) from error


def _bounded(path: Path, most: int) -> None:
    """Raises `ConductError` for a larger file, `OSError`."""
    if path.stat().st_size > most:
        raise ConductError(f"{path}: over {most} bytes: Overt wrote no such evidence")


def _lines(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            raise ConductError(f"{path}: a line of over {MAX_LINE_BYTES} bytes: Overt wrote no such evidence")
        yield line
