"""Key text: an ASCII-armoured OpenPGP message (RFC 4880, section 6) below a cover note."""

from __future__ import annotations

import base64

from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise

CRC24_INIT, CRC24_POLY = 0xB704CE, 0x1864CFB
LITERAL_DATA = 11
"""Packet tag (RFC 4880, section 4.3)."""
LINE_CHARS = 64


def build(content: Content, noise: Noise) -> bytes:
    """A note and a message whose one packet is literal data of noise."""
    packet = _literal(content.token.encode(), noise.incompressible(content.noise_bytes * 3 // 4))
    encoded = base64.b64encode(packet).decode("ascii")
    noise.remember(encoded.encode("ascii")[64:])
    said = [content.marking, "", *content.sentences[:2], "", "-----BEGIN PGP MESSAGE-----"]
    said += [f"Comment: {content.token}", ""]
    said += [encoded[at : at + LINE_CHARS] for at in range(0, len(encoded), LINE_CHARS)]
    said += [
        "=" + base64.b64encode(crc24(packet).to_bytes(3, "big")).decode("ascii"),
        "-----END PGP MESSAGE-----",
        "",
    ]
    return "\n".join(said).encode()


def _literal(name: bytes, data: bytes) -> bytes:
    body = b"b" + bytes([len(name)]) + name + b"\0\0\0\0" + data
    return bytes([0xC0 | LITERAL_DATA, 0xFF]) + len(body).to_bytes(4, "big") + body


def crc24(data: bytes) -> int:
    """The checksum of an armoured message (RFC 4880, section 6.1)."""
    crc = CRC24_INIT
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= CRC24_POLY
    return crc


FORMATS = (Format("key", ".asc", build),)
