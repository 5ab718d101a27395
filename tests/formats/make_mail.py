"""Mail around the payload: messages by Python's `email`, mailboxes by `mailbox`, uuencode by sharutils; BinHex, TNEF
and Outlook messages by small writers after their specifications."""

from __future__ import annotations

import base64
import binascii
import mailbox
import struct
import subprocess
from email.message import EmailMessage
from pathlib import Path

from tests.formats.compound_writer import compound
from tests.payload import PAYLOAD


def message(payload: bytes = PAYLOAD, name: str = "invoice.bin") -> EmailMessage:
    """A message with two bodies and one attachment."""
    mail = EmailMessage()
    mail["From"] = "Ann <ann@example.com>"
    mail["To"] = "bob@example.com"
    mail["Subject"] = "the invoice, résumé"
    mail.set_content("Please see the attachment.\n")
    mail.add_alternative("<html><body>Please see the <b>attachment</b>.</body></html>", subtype="html")
    mail.add_attachment(payload, maintype="application", subtype="octet-stream", filename=name)
    return mail


def nested() -> bytes:
    """A message that forwards a message."""
    outer = EmailMessage()
    outer["From"] = "bob@example.com"
    outer["Subject"] = "fwd"
    outer.set_content("see below")
    outer.add_attachment(message())
    return outer.as_bytes()


def mbox(folder: Path) -> bytes:
    """A mailbox of three messages; the second has a line that begins with `From `."""
    box = mailbox.mbox(folder / "box")
    plain = EmailMessage()
    plain["From"], plain["Subject"] = "ann@example.com", "hello"
    plain.set_content("hello\n\nFrom here on it is different\n")
    for mail in (message(b"harmless"), plain, message()):
        box.add(mail)
    box.flush()
    return (folder / "box").read_bytes()


def uuencoded(*options: str, payload: bytes = PAYLOAD) -> bytes:
    """What `uuencode` writes, inside other text."""
    command = ["uuencode", *options, "payload.bin"]
    encoded = subprocess.run(command, input=payload, stdout=subprocess.PIPE, check=True).stdout
    return b"A file follows.\n\n" + encoded + b"\nThat was it.\n"


def binhex(payload: bytes = PAYLOAD, resource: bytes = b"") -> bytes:
    """BinHex 4.0 (RFC 1741) with runs of three bytes and more shortened."""
    head = bytes([4]) + b"file\0" + b"BINAdosx" + struct.pack(">HII", 0, len(payload), len(resource))
    plain = b"".join(
        part + struct.pack(">H", binascii.crc_hqx(part, 0)) for part in (head, payload, resource)
    )
    alphabet = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
    standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = base64.b64encode(_run_lengths(plain)).rstrip(b"=").translate(bytes.maketrans(standard, alphabet))
    lines = b":" + text + b":"
    wrapped = b"\r\n".join(lines[start : start + 64] for start in range(0, len(lines), 64))
    return b"(This file must be converted with BinHex 4.0)\r\n" + wrapped + b"\r\n"


def _run_lengths(plain: bytes) -> bytes:
    out = bytearray()
    position = 0
    while position < len(plain):
        byte = plain[position]
        count = 1
        while count < 255 and plain[position + count : position + count + 1] == bytes([byte]):
            count += 1
        out += b"\x90\x00" if byte == 0x90 else bytes([byte])
        if count >= 3:
            out += bytes([0x90, count])
            position += count
        else:
            position += 1
    return bytes(out)


def rtf_body(text: bytes, *, packed: bool = True) -> bytes:
    """A compressed RTF body ([MS-OXRTFCP]): literals only, then the reference that ends it."""
    if not packed:
        return struct.pack("<II4sI", len(text) + 12, len(text), b"MELA", 0) + text
    out, written = b"", 207
    pieces = [text[start : start + 8] for start in range(0, len(text) - len(text) % 8, 8)]
    for piece in pieces:
        out += b"\0" + piece
        written += 8
    rest = text[len(pieces) * 8 :]
    written += len(rest)
    out += bytes([1 << len(rest)]) + rest + struct.pack(">H", (written % 4096) << 4)
    return struct.pack("<II4sI", len(out) + 12, len(text), b"LZFu", 0) + out


def tnef(payload: bytes = PAYLOAD, body: bytes = b"{\\rtf1 hello}") -> bytes:
    """winmail.dat ([MS-OXTNEF]): a message with a compressed RTF body and one attachment."""
    long_name = "invoice.bin\0".encode("utf-16-le")
    properties = _property(0x001F, 0x3707, long_name)
    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + _attribute(1, 0x00089006, struct.pack("<I", 0x00010000))
        + _attribute(1, 0x00069003, struct.pack("<I", 1) + _property(0x0102, 0x1009, rtf_body(body)))
        + _attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 32, 32, 0))
        + _attribute(2, 0x00018010, b"invoice~1.bin\0")
        + _attribute(2, 0x0006800F, payload)
        + _attribute(2, 0x00069005, struct.pack("<I", 1) + properties)
    )


def _attribute(level: int, number: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, number, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def _property(kind: int, number: int, value: bytes) -> bytes:
    padded = value.ljust(-(-len(value) // 4) * 4, b"\0")
    return struct.pack("<HHII", kind, number, 1, len(value)) + padded


def outlook(payload: bytes = PAYLOAD) -> bytes:
    """An Outlook message ([MS-OXMSG]) with an attachment and an embedded message that has one too."""
    first, second = "__attach_version1.0_#00000000", "__attach_version1.0_#00000001"
    inner = f"{second}/__substg1.0_3701000D"
    return compound(
        {
            "__properties_version1.0": bytes(32),
            "__substg1.0_0037001F": "the invoice".encode("utf-16-le"),
            "__substg1.0_1000001F": "Please see the attachment.".encode("utf-16-le"),
            "__substg1.0_10090102": rtf_body(b"{\\rtf1 Please see the attachment.}"),
            f"{first}/__properties_version1.0": bytes(8),
            f"{first}/__substg1.0_37010102": payload,
            f"{first}/__substg1.0_3707001F": "invoice.bin".encode("utf-16-le"),
            f"{second}/__substg1.0_3704001F": "fwd.msg".encode("utf-16-le"),
            f"{inner}/__properties_version1.0": bytes(24),
            f"{inner}/__substg1.0_1000001F": "An inner body.".encode("utf-16-le"),
            f"{inner}/{first}/__substg1.0_37010102": payload,
            f"{inner}/{first}/__substg1.0_3707001F": "inner.bin".encode("utf-16-le"),
        }
    )


FIXTURES = {
    "mail": lambda _folder: message().as_bytes(),
    "mail: nested": lambda _folder: nested(),
    "mbox": mbox,
    "uuencode": lambda _folder: uuencoded(),
    "uuencode: base64": lambda _folder: uuencoded("-m"),
    "binhex": lambda _folder: binhex(),
    "tnef": lambda _folder: tnef(),
    "outlook": lambda _folder: outlook(),
}
