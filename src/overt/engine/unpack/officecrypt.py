"""Encrypted Office documents ([MS-OFFCRYPTO]): the package inside, when a known password opens it.

Excel opens documents with the password `VelvetSweatshop` without asking; so does everything that hides behind it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterator, Mapping

from overt.engine.unpack.aes import BLOCK_BYTES, decrypt_cbc, decrypt_ecb

DEFAULT_PASSWORD = "VelvetSweatshop"
MAX_SPINS = 1_000_000
"""Iterations of the password hash that are computed: Office writes 100,000, the format allows ten million."""
SEGMENT_BYTES = 4096
STANDARD_SPINS = 50_000
_AGILE = (4, 4)
_STANDARD = ((2, 2), (3, 2), (4, 2))
_HASHES = {"SHA1": "sha1", "SHA-1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
_VERIFIER_INPUT = bytes.fromhex("fea7d2763b4b9e79")
_VERIFIER_HASH = bytes.fromhex("d7aa0f6d3061344e")
_KEY_VALUE = bytes.fromhex("146e0be7abacd0d6")
_ELEMENT = re.compile(rb"<(?:\w+:)?(keyData|encryptedKey)\s([^>]{0,4000})>")
_ATTRIBUTE = re.compile(rb'(\w{1,60})="([^"]{0,1000})"')


def package(information: bytes, stored: bytes, passwords: tuple[str, ...]) -> Iterator[bytes] | None:
    """Chunks of the document in an `EncryptedPackage` stream, or None when no password opens it.

    `information` is the `EncryptionInfo` stream. Agile and standard AES encryption are read; the password that
    Office tries by itself comes first.
    """
    if len(information) < 8 or len(stored) < 8:
        return None
    version = struct.unpack_from("<HH", information)
    for password in (DEFAULT_PASSWORD, *passwords):
        try:
            if version == _AGILE:
                chunks = _open_agile(information[8:], stored, password)
            else:
                chunks = _open_standard(information, stored, password) if version in _STANDARD else None
        except (KeyError, ValueError, struct.error, binascii.Error):
            return None
        if chunks is not None:
            return chunks
    return None


def _open_agile(description: bytes, stored: bytes, password: str) -> Iterator[bytes] | None:
    """Agile encryption ([MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.15)."""
    elements = {
        match[1]: {name.decode(): value.decode("latin-1") for name, value in _ATTRIBUTE.findall(match[2])}
        for match in _ELEMENT.finditer(description)
    }
    data, key = elements[b"keyData"], elements[b"encryptedKey"]
    salt = base64.b64decode(key["saltValue"])
    name, size = _HASHES[key["hashAlgorithm"]], int(key["keyBits"]) // 8
    spins = int(key["spinCount"])
    if spins > MAX_SPINS:
        return None
    spun = _spun(name, salt, password, spins)

    def opened(field: str, purpose: bytes) -> bytes:
        derived = _fitted(hashlib.new(name, spun + purpose).digest(), size)
        return decrypt_cbc(derived, _fitted(salt, BLOCK_BYTES), base64.b64decode(key[field]))

    verifier = opened("encryptedVerifierHashInput", _VERIFIER_INPUT)[: len(salt)]
    expected = hashlib.new(name, verifier).digest()
    if opened("encryptedVerifierHashValue", _VERIFIER_HASH)[: len(expected)] != expected:
        return None
    return _segments(opened("encryptedKeyValue", _KEY_VALUE)[:size], data, stored)


def _segments(key: bytes, data: Mapping[str, str], stored: bytes) -> Iterator[bytes]:
    """The package in segments, each with a vector of its own ([MS-OFFCRYPTO] 2.3.4.15)."""
    name, salt = _HASHES[data["hashAlgorithm"]], base64.b64decode(data["saltValue"])
    left = int.from_bytes(stored[:8], "little")
    for number, at in enumerate(range(8, len(stored), SEGMENT_BYTES)):
        vector = hashlib.new(name, salt + struct.pack("<I", number)).digest()
        plain = decrypt_cbc(key, _fitted(vector, BLOCK_BYTES), stored[at : at + SEGMENT_BYTES])
        yield plain[:left]
        left = max(left - len(plain), 0)


def _open_standard(information: bytes, stored: bytes, password: str) -> Iterator[bytes] | None:
    """Standard encryption with AES in ECB mode ([MS-OFFCRYPTO] 2.3.4.5 to 2.3.4.9)."""
    header_size, _, _, _, _, key_bits = struct.unpack_from("<IIIIII", information, 8)
    at = 12 + header_size
    (salt_size,) = struct.unpack_from("<I", information, at)
    salt, verifier = information[at + 4 : at + 4 + salt_size], information[at + 20 : at + 36]
    hash_size = struct.unpack_from("<I", information, at + 36)[0]
    spun = _spun("sha1", salt, password, STANDARD_SPINS)
    final = hashlib.sha1(spun + bytes(4), usedforsecurity=False).digest()
    derived = b"".join(
        hashlib.sha1(bytes(byte ^ pad for byte in final.ljust(64, b"\0")), usedforsecurity=False).digest()
        for pad in (0x36, 0x5C)
    )
    key = derived[: key_bits // 8]
    expected = hashlib.sha1(decrypt_ecb(key, verifier), usedforsecurity=False).digest()
    if decrypt_ecb(key, information[at + 40 : at + 72])[:hash_size] != expected:
        return None
    return iter((decrypt_ecb(key, stored[8:])[: int.from_bytes(stored[:8], "little")],))


def _spun(name: str, salt: bytes, password: str, spins: int) -> bytes:
    """The password's hash, hashed again `spins` times with a counter ([MS-OFFCRYPTO] 2.3.4.7)."""
    digest = hashlib.new(name, salt + password.encode("utf-16-le", "replace")).digest()
    algorithm = getattr(hashlib, name)
    for number in range(spins):
        digest = algorithm(number.to_bytes(4, "little") + digest).digest()
    return digest


def _fitted(value: bytes, size: int) -> bytes:
    """`value` cut or padded with 0x36 to `size` bytes."""
    return value[:size].ljust(size, b"\x36")
