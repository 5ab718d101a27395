"""Plain text, UTF-8."""

from __future__ import annotations

from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise

REFERENCE_CHARS = 44


def lines(content: Content, noise: Noise, size: int) -> list[str]:
    """Marking, token, sentences and a register of random references of about `size` bytes."""
    said = [content.marking, "", f"Ref. {content.token}", "", *content.sentences, ""]
    for number in range(1, size // (REFERENCE_CHARS + 6) + 1):
        said.append(f"{number:04} {noise.letters(REFERENCE_CHARS)}")
    return [*said, "", content.marking]


def build(content: Content, noise: Noise) -> bytes:
    """A letter with a register below it."""
    return ("\n".join(lines(content, noise, content.noise_bytes)) + "\n").encode()


FORMATS = (Format("text", ".txt", build),)
