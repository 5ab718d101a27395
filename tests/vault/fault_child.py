"""Run by test_faults.py under strace: one operation of the vault, after a mark in the trace."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from overt.core.errors import VaultError
from overt.core.model import Finding, Severity
from overt.vault import Vault
from tests.faults import MARK, REFUSED

FINDINGS = (Finding("test", "test", Severity.HIGH),)


def act(operation: str, vault: Vault, path: str) -> None:
    """`path` is the file to seal, or an identifier."""
    match operation:
        case "seal":
            vault.seal(path, FINDINGS)
        case "restore":
            vault.restore(path)
        case "overwrite":
            vault.restore(path, overwrite=True)
        case "delete":
            vault.delete(path)
        case "export":
            vault.export(path, vault.folder.parent / "world" / "copy.overtq")
        case "recover":
            vault.recover()


def main() -> int:
    operation, folder, path = sys.argv[1:]
    with suppress(FileNotFoundError):
        os.readlink(MARK)
    try:
        act(operation, Vault(Path(folder)), path)
    except VaultError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
