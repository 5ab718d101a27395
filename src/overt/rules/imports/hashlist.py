"""Lists of hashes: plain, `sha256sum` and BSD style, `hash;comment`, and CSV with or without a header."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice

from overt.core.model import Severity
from overt.engine.hashset import Label
from overt.rules.intake import Intake
from overt.rules.lines import Content, lines

DIGEST = re.compile(r"(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})")
_LINE = re.compile(rf"\s*\\?({DIGEST.pattern})(?![0-9a-fA-F])(?:[\s;,|:*]+(.*))?")
_BSD = re.compile(rf"(?:MD5|SHA1|SHA256) ?\((.*)\) ?= ?({DIGEST.pattern})\s*")
COLUMNS = {
    "sha256": ("sha256", "sha256_hash", "sha-256", "sha256hash"),
    "sha1": ("sha1", "sha1_hash", "sha-1", "sha1hash"),
    "md5": ("md5", "md5_hash", "md5hash"),
    "any": ("hash", "hashes", "file_hash", "filehash", "digest", "indicator", "ioc", "value"),
}
"""Kind of digest → names of columns that hold it, the strongest kind first."""
NAMES = (
    "signature",
    "malware",
    "family",
    "malware_family",
    "name",
    "label",
    "threat",
    "threat_name",
    "malware_printable",
)
DESCRIPTIONS = ("description", "comment", "info", "note", "file_name", "filename")
NOTHING = ("", "-", "n/a", "none", "null", "unknown")
BEGINNING_LINES = 1_000
"""Lines looked at to tell what a list is."""
MAX_NAME = 60
"""Characters of a comment that serve as a name."""
SIZES = ("size", "file_size", "filesize", "bytes")


def read(source: str, data: Content, intake: Intake) -> bool:
    """Carry over the list `data`; false when it does not look like one (nothing was carried over then)."""
    beginning = list(islice(lines(data), BEGINNING_LINES))
    header = _header(beginning)
    if header is not None:
        _read_table(source, data, header, _delimiter(beginning[header[0]]), intake)
        return True
    first = [line for line in beginning if line.strip() and not _comment(line)][:20]
    if not first or sum(_entry(line) is not None for line in first) * 2 < len(first):
        return False
    for number, line in enumerate(lines(data), 1):
        if line.strip() and not _comment(line):
            _read_line(source, number, line, intake)
    return True


def _comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "//"))


def _entry(line: str) -> tuple[str, str] | None:
    """Digest in hexadecimal and what is said of it."""
    if match := _LINE.match(line.replace('"', "")):
        return match.group(1), (match.group(2) or "").strip()
    if match := _BSD.match(line):
        return match.group(2), match.group(1)
    return None


def _read_line(source: str, number: int, line: str, intake: Intake) -> None:
    entry = _entry(line)
    if entry is None:
        intake.problem(source, number, f"no MD5, SHA-1 or SHA-256 at the start of {line.strip()[:40]!r}")
        return
    digest, comment = entry
    intake.file_hash(source, number, bytes.fromhex(digest), _label(source, comment))
    intake.carried["hashes"] += 1


def _label(source: str, comment: str) -> Label:
    """Named by what the list says of the hash, if it is short enough for a name."""
    if len(comment) <= MAX_NAME:
        return Label(comment or source)
    return Label(comment[:MAX_NAME].rsplit(" ", 1)[0] + " …", comment)


def _header(beginning: list[str]) -> tuple[int, list[str]] | None:
    """Index of the header line and its column names: the first line that names a column of digests."""
    digests = {name for names in COLUMNS.values() for name in names}
    for index, line in enumerate(beginning[:50]):
        names = [cell.strip().strip('"').lower() for cell in _cells(line.lstrip("# "), _delimiter(line))]
        if digests & set(names) and not any(DIGEST.fullmatch(name) for name in names):
            return index, names
        if line.strip() and not _comment(line):
            return None
    return None


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=True), [])


def _read_table(
    source: str, data: Content, header: tuple[int, list[str]], delimiter: str, intake: Intake
) -> None:
    index, names = header
    rows = csv.reader(islice(lines(data), index + 1, None), delimiter=delimiter, skipinitialspace=True)
    for row in rows:
        if row and not row[0].startswith("#"):
            cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
            _read_row(source, index + 1 + rows.line_num, cells, intake)


def _read_row(source: str, number: int, cells: dict[str, str], intake: Intake) -> None:
    """One file per row: its strongest digest is enough, and cheaper than computing all of them."""
    digest = next(
        (
            cells[name]
            for names in COLUMNS.values()
            for name in names
            if DIGEST.fullmatch(cells.get(name, ""))
        ),
        None,
    )
    if digest is None:
        intake.problem(source, number, "no MD5, SHA-1 or SHA-256 in this row")
        return
    size = _cell(cells, SIZES)
    label = Label(
        _cell(cells, NAMES) or source, _cell(cells, DESCRIPTIONS), Severity.HIGH, cells.get("reference", "")
    )
    intake.file_hash(
        source, number, bytes.fromhex(digest), label, int(size) if size.isdecimal() and len(size) < 19 else -1
    )
    intake.carried["hashes"] += 1


def _cell(cells: dict[str, str], names: tuple[str, ...]) -> str:
    return next((cells[name] for name in names if cells.get(name, "").lower() not in NOTHING), "")
