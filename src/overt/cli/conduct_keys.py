"""Public keys that `overt conduct` is given in files: of labs and of certifiers."""

from __future__ import annotations

from pathlib import Path

from overt.cli.given import content
from overt.conduct.report import signing
from overt.core.errors import ConductError, UsageError
from overt.tlog.keys import VerifierKey


def key_in(path: Path) -> VerifierKey:
    """The public key in a file. Raises `UsageError` when there is none."""
    text = content(
        path, advice="give a file that holds what 'overt conduct key' or 'overt conduct certify key' prints"
    )
    try:
        return signing.public_key(text.decode("ascii", "replace"))
    except ConductError as error:
        raise UsageError(f"{path}: {error}") from error
