"""Checkpoints (c2sp.org/tlog-checkpoint): the text of a note that states a log's size and root hash."""

from __future__ import annotations

from dataclasses import dataclass

from overt.core.errors import Malformed
from overt.tlog.merkle import TreeHead
from overt.tlog.note import MAX_NAME_BYTES, check_text
from overt.tlog.text import decimal, hash_line, shown, to_base64


@dataclass(frozen=True)
class Checkpoint:
    """A log's origin and tree head. Extension lines are opaque and not audited by anyone: best left out."""

    origin: str
    head: TreeHead
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or "\n" in line:
                raise Malformed(f"checkpoint: {shown(line)} is not a line with something on it")
        check_text(self.text)
        if len(self.origin.encode()) > MAX_NAME_BYTES:
            raise Malformed(f"checkpoint: origin {shown(self.origin)} is longer than {MAX_NAME_BYTES} bytes")

    @property
    def text(self) -> str:
        """The note text ("Note text"): what is signed."""
        lines = (self.origin, str(self.head.size), to_base64(self.head.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_text(text: str) -> Checkpoint:
    """The checkpoint that a note's text is. Raises `Malformed` for anything that would not be `text` again.

    Take the text from a note whose signatures are verified (`signing.verify`), or do not trust the result.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1]:
        raise Malformed("checkpoint: fewer than three lines")
    origin, size, root, *extensions = lines[:-1]
    head = TreeHead(decimal(size, "checkpoint's tree size"), hash_line(root, "checkpoint's root hash"))
    return Checkpoint(origin, head, tuple(extensions))
