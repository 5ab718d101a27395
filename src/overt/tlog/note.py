"""Signed notes (c2sp.org/signed-note): text with signature lines, as values. Who signed is `signing`'s question."""

from __future__ import annotations

from dataclasses import dataclass, replace

from overt.core.errors import Malformed
from overt.tlog.text import from_base64, shown, to_base64

MAX_NOTE_BYTES = 1_000_000
"""16 post-quantum signatures of 5 kB, which the specification asks for, need about 110,000."""

MAX_SIGNATURES = 100
"""The same bound as Go's `note` package; the specification asks for at least 16."""

MAX_NAME_BYTES = 255
"""What a `cosigned_message` can hold (tlog-cosignature); longer names could not be cosigned."""

KEY_ID_BYTES = 4

_DASH = "— "


@dataclass(frozen=True)
class Signature:
    """One signature line ("Signatures"): key name, key ID, and the signature in its type's own format."""

    name: str
    key_id: bytes
    blob: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.blob:
            raise Malformed(f"signature of {shown(self.name)}: not a key ID of 4 bytes and a signature")

    def encode(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.blob)}\n"


@dataclass(frozen=True)
class Note:
    """A text that ends in a newline, and at least one signature line, in order. Raises `Malformed` for others."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        check_text(self.text)
        if not 0 < len(self.signatures) <= MAX_SIGNATURES:
            raise Malformed(
                f"signed note: {len(self.signatures)} signatures are not from 1 to {MAX_SIGNATURES}"
            )

    def encode(self) -> bytes:
        """The note's bytes ("Format")."""
        return f"{self.text}\n{encode_signatures(self.signatures)}".encode()

    def signed_also(self, added: tuple[Signature, ...]) -> Note:
        """The note with further signature lines; lines that it has already are not repeated."""
        new = tuple(line for line in dict.fromkeys(added) if line not in self.signatures)
        return replace(self, signatures=self.signatures + new)


def parse(data: bytes) -> Note:
    """The note that `data` is. Raises `Malformed` for anything that would not encode to `data` again.

    Nothing of it may be used before a signature of a trusted key is verified: see `signing.verify`.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise Malformed(f"signed note: {len(data)} bytes are more than {MAX_NOTE_BYTES}")
    text, blank, lines = _decoded(data).rpartition("\n\n")
    if not blank:
        raise Malformed("signed note: no blank line before the signatures")
    note = Note(f"{text}\n", parse_signatures(lines))
    if note.encode() != data:
        raise Malformed("signed note: not in its canonical form")
    return note


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines, each with its newline. Raises `Malformed`."""
    if not lines.endswith("\n"):
        raise Malformed("signed note: its last line has no newline")
    found = lines[:-1].split("\n")
    if len(found) > MAX_SIGNATURES:
        raise Malformed(f"signed note: {len(found)} signatures are more than {MAX_SIGNATURES}")
    return tuple(_parse_signature(line) for line in found)


def encode_signatures(signatures: tuple[Signature, ...]) -> str:
    """The lines of `signatures`, each with its newline."""
    return "".join(line.encode() for line in signatures)


def check_name(name: str) -> str:
    """`name` when it can be a key's: not empty, no Unicode space, no plus, no control character; else `Malformed`."""
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise Malformed(f"key name: {shown(name)} is empty or has a space, a plus or a control character")
    try:
        long = len(name.encode()) > MAX_NAME_BYTES
    except UnicodeEncodeError:
        raise Malformed(f"key name: {shown(name)} is not UTF-8") from None
    if long:
        raise Malformed(f"key name: {shown(name)} is longer than {MAX_NAME_BYTES} bytes")
    return name


def check_text(text: str) -> str:
    """`text` when a note can have it: ends in a newline, no other control character, valid UTF-8; else `Malformed`."""
    if not text.endswith("\n"):
        raise Malformed("signed note: its text does not end in a newline")
    if any(char < " " and char != "\n" for char in set(text)):
        raise Malformed("signed note: a control character in it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Malformed("signed note: its text is not UTF-8") from None
    return text


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed(f"signed note: {shown(line)} is not a signature line")
    data = from_base64(encoded, "signature line")
    return Signature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("signed note: not UTF-8") from None
