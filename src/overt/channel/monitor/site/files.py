"""The site's folder: files that are replaced at once, and only when their content is another."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

MODE = 0o644
"""Unless this process' umask takes some of it away."""


class SiteFolder:
    """Writes below one folder. What it writes can be made again, so it is not forced to the disk."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and remove what an interrupted run left. Raises `OSError`."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.rglob(".*.new"):
            left.unlink()
        self.written = 0
        """Files whose content changed."""

    def write(self, path: str, data: bytes) -> None:
        """Let the file `path` have this content. Raises `OSError`; then it is what it was."""
        target = self._folder / path
        try:
            if target.read_bytes() == data:
                return
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.{secrets.token_hex(6)}.new")
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as stream:
                stream.write(data)
            os.replace(new, target)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        self.written += 1

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self._folder / path).is_file()
