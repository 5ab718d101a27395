"""The standard security handler of PDF (ISO 32000-2, 7.6): opens documents whose user password is empty or known.

Many documents are encrypted only to forbid printing; everybody can read them, and so must a scanner.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from overt.engine.unpack.aes import BLOCK_BYTES, decrypt_cbc, encrypt_cbc
from overt.engine.unpack.pdfstrings import from_hex, literal

_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_CIPHER = re.compile(rb"/CFM\s{0,8}/(\w{1,20})")
_IDENTITY = re.compile(rb"/StmF\s{0,8}/Identity")
_ID = re.compile(rb"/ID\s{0,8}\[\s{0,8}(?:(\()|<([0-9A-Fa-f\s]{0,400})>)")
_CLEAR_METADATA = re.compile(rb"/EncryptMetadata\s{0,8}false")


@dataclass(frozen=True, slots=True)
class Cipher:
    """The file's key, and how streams and strings are encrypted with it: `rc4`, `aes-128`, `aes-256` or `none`."""

    key: bytes
    method: str

    def decrypt(self, data: bytes, number: int, generation: int) -> bytes:
        """A stream's or a string's bytes in object `number` (ISO 32000-2, 7.6.3)."""
        if self.method == "none":
            return data
        if self.method == "rc4":
            return _rc4(self._object_key(number, generation, b""), data)
        key = self.key if self.method == "aes-256" else self._object_key(number, generation, b"sAlT")
        plain = decrypt_cbc(key, data[:BLOCK_BYTES], data[BLOCK_BYTES:])
        padding = plain[-1] if plain else 0
        return plain[:-padding] if 1 <= padding <= BLOCK_BYTES else plain

    def _object_key(self, number: int, generation: int, salt: bytes) -> bytes:
        place = (number & 0xFFFFFF).to_bytes(3, "little") + (generation & 0xFFFF).to_bytes(2, "little")
        return hashlib.md5(self.key + place + salt, usedforsecurity=False).digest()[
            : min(len(self.key) + 5, 16)
        ]


def open_document(dictionary: bytes, trailer: bytes, passwords: tuple[str, ...]) -> Cipher | None:
    """The cipher of a document from its encryption dictionary and the text around its trailer; None when neither the
    empty password nor one of `passwords` opens it, or its handler is another one."""
    revision, version = _number(dictionary, b"R"), _number(dictionary, b"V")
    method = _method(dictionary, version)
    for password in ("", *passwords):
        key = (
            _key_256(dictionary, password, revision)
            if version >= 5
            else _key_128(dictionary, trailer, password, revision)
        )
        if key is not None:
            return Cipher(key, method)
    return None


def _method(dictionary: bytes, version: int) -> str:
    if version < 4:
        return "rc4"
    if _IDENTITY.search(dictionary):
        return "none"
    names = {b"V2": "rc4", b"AESV2": "aes-128", b"AESV3": "aes-256"}
    match = _CIPHER.search(dictionary)
    return names.get(match[1], "none") if match else "none"


def _key_128(dictionary: bytes, trailer: bytes, password: str, revision: int) -> bytes | None:
    """Algorithms 2, 4 and 5 (7.6.4.3 and 7.6.4.4): keys of up to 128 bits."""
    size = min(max(_number(dictionary, b"Length", 40), 40), 128) // 8 if revision > 2 else 5
    if _number(dictionary, b"V") == 4:
        size = 16
    identifier = _identifier(trailer)
    padded = (password.encode("latin-1", "replace") + _PAD)[:32]
    permissions = (_number(dictionary, b"P") & 0xFFFFFFFF).to_bytes(4, "little")
    seed = padded + _value(dictionary, b"O")[:32] + permissions + identifier
    if revision >= 4 and _CLEAR_METADATA.search(dictionary):
        seed += b"\xff\xff\xff\xff"
    key = hashlib.md5(seed, usedforsecurity=False).digest()[:size]
    for _ in range(50 if revision >= 3 else 0):
        key = hashlib.md5(key, usedforsecurity=False).digest()[:size]
    expected = _value(dictionary, b"U")
    if revision < 3:
        return key if _rc4(key, _PAD) == expected[:32] else None
    check = hashlib.md5(_PAD + identifier, usedforsecurity=False).digest()
    for step in range(20):
        check = _rc4(bytes(byte ^ step for byte in key), check)
    return key if check == expected[:16] else None


def _key_256(dictionary: bytes, password: str, revision: int) -> bytes | None:
    """Algorithm 2.A (7.6.4.3.3): keys of 256 bits, by the user password."""
    user, wrapped = _value(dictionary, b"U"), _value(dictionary, b"UE")[:32]
    if len(user) < 48 or len(wrapped) < 32:
        return None
    secret = password.encode()[:127]
    if _hash(secret, user[32:40], revision) != user[:32]:
        return None
    return decrypt_cbc(_hash(secret, user[40:48], revision), bytes(BLOCK_BYTES), wrapped)


def _hash(secret: bytes, salt: bytes, revision: int) -> bytes:
    """Algorithm 2.B (7.6.4.3.4); revision 5 stops after the first SHA-256."""
    key = hashlib.sha256(secret + salt).digest()
    if revision < 6:
        return key
    rounds, last = 0, 0
    while rounds < 64 or last > rounds - 32:
        block = encrypt_cbc(key[:16], key[16:32], (secret + key) * 64)
        name = ("sha256", "sha384", "sha512")[sum(block[:16]) % 3]
        key = hashlib.new(name, block).digest()
        last = block[-1]
        rounds += 1
    return key[:32]


def _rc4(key: bytes, data: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) & 255
        box[i], box[j] = box[j], box[i]
    out = bytearray(len(data))
    i = j = 0
    for place, byte in enumerate(data):
        i = (i + 1) & 255
        first = box[i]
        j = (j + first) & 255
        second = box[i] = box[j]
        box[j] = first
        out[place] = byte ^ box[(first + second) & 255]
    return bytes(out)


def _number(dictionary: bytes, name: bytes, default: int = 0) -> int:
    """An integer entry; of several with the name, the first that is not inside another dictionary's text."""
    flat = re.sub(rb"/CF\s{0,8}<<.{0,2000}?>>\s{0,8}>>", b"", dictionary, flags=re.DOTALL)
    match = re.search(rb"/%s\s{0,8}(-?[0-9]{1,12})" % name, flat)
    return int(match[1]) if match else default


def _value(dictionary: bytes, name: bytes) -> bytes:
    """A string entry's bytes."""
    match = re.search(rb"/%s\s{0,8}(?:(\()|<([0-9A-Fa-f\s]{0,1000})>)" % name, dictionary)
    if not match:
        return b""
    return literal(dictionary, match.end())[0] if match[1] else from_hex(match[2])


def _identifier(trailer: bytes) -> bytes:
    match = _ID.search(trailer)
    if not match:
        return b""
    return literal(trailer, match.end())[0] if match[1] else from_hex(match[2])
