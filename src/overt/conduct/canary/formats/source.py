"""Source code: Python that compiles."""

from __future__ import annotations

from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise


def build(content: Content, noise: Noise) -> bytes:
    """A module with the marking in its header and a table of random constants."""
    said = [
        f"# {content.marking}",
        f'"""{content.sentences[0]}"""',
        "",
        f'BUILD = "{content.token}"',
        "TABLE = (",
    ]
    said += [f'    "{noise.letters(64)}",' for _ in range(content.noise_bytes // 72)]
    said += [")", "", "", "def lookup(number: int) -> str:", "    return TABLE[number % len(TABLE)]", ""]
    return "\n".join(said).encode()


FORMATS = (Format("source", ".py", build),)
