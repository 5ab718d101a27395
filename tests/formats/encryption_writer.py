"""Writers of encrypted Office documents ([MS-OFFCRYPTO]), for fixtures: agile and standard encryption."""

from __future__ import annotations

import base64
import hashlib
import struct

from overt.engine.unpack.aes import encrypt_cbc
from tests.formats.compound_writer import compound

SALT, OTHER_SALT, KEY = b"saltsaltsaltsalt", b"0123456789abcdef", bytes(range(32))


def agile(document: bytes, password: str, spins: int = 1000) -> bytes:
    """Agile encryption with AES-256 and SHA-512 (2.3.4.10)."""
    digest = hashlib.sha512(SALT + password.encode("utf-16-le")).digest()
    for number in range(spins):
        digest = hashlib.sha512(struct.pack("<I", number) + digest).digest()

    def sealed(purpose: str, value: bytes) -> str:
        key = hashlib.sha512(digest + bytes.fromhex(purpose)).digest()[:32]
        return base64.b64encode(encrypt_cbc(key, SALT, value)).decode()

    verifier = b"verifierverifier"
    common = 'saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" '
    common += 'cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" '
    information = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
        '<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" '
        'xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password">'
        f'<keyData {common}saltValue="{base64.b64encode(OTHER_SALT).decode()}"/>'
        '<dataIntegrity encryptedHmacKey="" encryptedHmacValue=""/>'
        '<keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">'
        f'<p:encryptedKey spinCount="{spins}" {common}saltValue="{base64.b64encode(SALT).decode()}" '
        f'encryptedVerifierHashInput="{sealed("fea7d2763b4b9e79", verifier)}" '
        f'encryptedVerifierHashValue="{sealed("d7aa0f6d3061344e", hashlib.sha512(verifier).digest())}" '
        f'encryptedKeyValue="{sealed("146e0be7abacd0d6", KEY)}"/>'
        "</keyEncryptor></keyEncryptors></encryption>"
    )
    stored = struct.pack("<Q", len(document))
    for number, at in enumerate(range(0, len(document), 4096)):
        vector = hashlib.sha512(OTHER_SALT + struct.pack("<I", number)).digest()[:16]
        stored += encrypt_cbc(KEY, vector, _padded(document[at : at + 4096]))
    head = struct.pack("<HHI", 4, 4, 0x40)
    return compound({"EncryptionInfo": head + information.encode(), "EncryptedPackage": stored})


def standard(document: bytes, password: str) -> bytes:
    """Standard encryption with AES-128 (2.3.4.5)."""
    digest = hashlib.sha1(SALT + password.encode("utf-16-le")).digest()
    for number in range(50_000):
        digest = hashlib.sha1(struct.pack("<I", number) + digest).digest()
    final = hashlib.sha1(digest + bytes(4)).digest()
    key = hashlib.sha1(bytes(byte ^ 0x36 for byte in final.ljust(64, b"\0"))).digest()[:16]
    verifier = b"verifierverifier"
    provider = "Microsoft Enhanced RSA and AES Cryptographic Provider\0".encode("utf-16-le")
    header = struct.pack("<IIIIIIII", 0x24, 0, 0x660E, 0x8004, 128, 0x18, 0, 0) + provider
    proof = struct.pack("<I", 16) + SALT + _ecb(key, verifier)
    proof += struct.pack("<I", 20) + _ecb(key, _padded(hashlib.sha1(verifier).digest()))
    information = struct.pack("<HHII", 4, 2, 0x24, len(header)) + header + proof
    stored = struct.pack("<Q", len(document)) + _ecb(key, _padded(document))
    return compound({"EncryptionInfo": information, "EncryptedPackage": stored})


def _ecb(key: bytes, data: bytes) -> bytes:
    return b"".join(encrypt_cbc(key, bytes(16), data[at : at + 16]) for at in range(0, len(data), 16))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)
