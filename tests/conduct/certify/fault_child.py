"""Run by test_faults.py under strace: enters something into an issuer's log, after a mark in the trace."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from overt.conduct.certify.issuer import Issuer
from overt.core.errors import OvertError
from tests.faults import MARK, REFUSED


def main() -> int:
    kind, text, folder = sys.argv[1:]
    issuer = Issuer(Path(folder))
    with suppress(FileNotFoundError):
        os.readlink(MARK)
    try:
        issuer.enter(kind, text.encode(), ("0" * 64,))
    except (OvertError, OSError) as error:
        os.write(2, f"{error}\n".encode())
        return REFUSED
    os.write(1, b"entered\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
