"""Run by test_faults.py under strace: operations on a ledger, after a mark in the trace.

Says on standard output which entries were returned, one line each, and what was refused on standard error.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from overt.core.errors import LedgerError
from overt.ledger import Ledger
from tests.faults import MARK, REFUSED

SEGMENT_BYTES = 1300


def append(ledger: Ledger, text: str) -> int:
    """Append one entry and say so; once more with another text when it is refused, which must succeed."""
    try:
        ledger.append("decided", {"subject": text, "decision": "yes", "by": "user"})
    except LedgerError as error:
        print(error, file=sys.stderr, flush=True)
        os.write(2, f"refused {text}\n".encode())
        append(ledger, f"{text} again")
        return REFUSED
    os.write(1, f"{text}\n".encode())
    return 0


def rotate(ledger: Ledger) -> int:
    """A new key; again when that is refused."""
    try:
        ledger.rotate_key("a test")
    except LedgerError as error:
        print(error, file=sys.stderr, flush=True)
        ledger.rotate_key("a test, again")
        return REFUSED
    return 0


def opened(folder: Path) -> tuple[Ledger, int]:
    try:
        return Ledger.open(folder, SEGMENT_BYTES), 0
    except LedgerError as error:
        print(error, file=sys.stderr, flush=True)
        return Ledger.open(folder, SEGMENT_BYTES), REFUSED


def main() -> int:
    operation, folder = sys.argv[1:]
    early = Ledger.open(Path(folder), SEGMENT_BYTES) if operation in ("append", "rotate") else None
    with suppress(FileNotFoundError):
        os.readlink(MARK)
    ledger, code = (early, 0) if early else opened(Path(folder))
    if operation == "rotate":
        code |= rotate(ledger)
    for text in ("one", "two"):
        code |= append(ledger, text)
    return code


if __name__ == "__main__":
    sys.exit(main())
