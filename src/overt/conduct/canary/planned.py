"""What is to be planted: one file, and what is known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from overt.conduct.evidence.records import Canary, Side


@dataclass(frozen=True, slots=True)
class Planned:
    """One file to plant. What is sought has a number; archives of a public test file alone have none."""

    path: str
    """Below the folder of homes, and below `/home` in the chamber: `alice/Documents/…`."""
    data: bytes
    number: int | None = None
    token: str = ""
    """Empty for the bare EICAR file, whose bytes are given: it is known by its name."""
    pair: int | None = None
    side: Side = Side.ALONE
    format: str = "text"
    language: str = ""
    system: str = ""
    marking: str = ""
    anchors: tuple[bytes, ...] = ()
    """16 bytes each, in this file or in what is packed in it, and in no other canary."""
    pieces: tuple[bytes, ...] = ()
    """Incompressible stretches of it, and of what is packed in it, for matches longer than an anchor."""
    detected: bool = False
    secret: str = ""
    mode: int = 0o644
    mtime: int = 0
    """Seconds since 1970."""

    def record(self) -> Canary:
        """The evidence of it. Only for canaries."""
        assert self.number is not None
        return Canary(
            number=self.number,
            path="/home/" + self.path,
            token=self.token,
            pair=self.pair,
            side=self.side,
            format=self.format,
            language=self.language,
            system=self.system,
            marking=self.marking,
            size=len(self.data),
            sha256=hashlib.sha256(self.data).hexdigest(),
            anchors=tuple(anchor.hex() for anchor in self.anchors),
            detected=self.detected,
            secret=self.secret,
        )
