"""AES (FIPS 197) in CBC mode, to read documents whose password is known or empty; never used to keep a secret.

Decryption works on all blocks at once: byte i of every block forms one plane, a table look-up over a plane is one
`bytes.translate`, and the exclusive or of two planes is one of two large integers. That is about a hundred times as
fast as going block by block. Encryption in CBC mode has to go block by block; only key derivation needs it.
"""

from __future__ import annotations

import struct

BLOCK_BYTES = 16
_PACK = struct.Struct(">4I").pack


def _times(a: int, b: int) -> int:
    """Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197, 4.2)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _substitution() -> bytes:
    """The S-box (FIPS 197, 5.1.1), from powers of the generator 3 and their inverses."""
    powers = [1]
    while len(powers) < 255:
        powers.append(_times(powers[-1], 3))
    box = [0x63] * 256
    for exponent, value in enumerate(powers):
        inverse = powers[-exponent % 255]
        turned = 0
        for shift in range(5):
            turned ^= inverse << shift | inverse >> (8 - shift)
        box[value] = turned & 0xFF ^ 0x63
    return bytes(box)


_BOX = _substitution()
_INVERSE = bytes(_BOX.index(value) for value in range(256))
_BY = {factor: bytes(_times(value, factor) for value in range(256)) for factor in (2, 3, 9, 11, 13, 14)}
_SHIFTED = [(column * 4 + row * 5) % 16 for column in range(4) for row in range(4)]
"""ShiftRows: where the byte at each place comes from."""
_UNSHIFTED = [_SHIFTED.index(place) for place in range(16)]


def _round_keys(key: bytes) -> list[bytes]:
    """The key schedule (FIPS 197, 5.2) for keys of 16, 24 or 32 bytes. Raises `ValueError` for others."""
    if len(key) not in (16, 24, 32):
        raise ValueError(f"an AES key has 16, 24 or 32 bytes, not {len(key)}")
    words = [key[at : at + 4] for at in range(0, len(key), 4)]
    size, constant = len(words), 1
    while len(words) < 4 * (size + 7):
        word = words[-1]
        if len(words) % size == 0:
            word = (word[1:] + word[:1]).translate(_BOX)
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _times(constant, 2)
        elif size > 6 and len(words) % size == 4:
            word = word.translate(_BOX)
        words.append(_xor(word, words[-size]))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def _xor(*parts: bytes) -> bytes:
    total = 0
    for part in parts:
        total ^= int.from_bytes(part, "little")
    return total.to_bytes(len(parts[0]), "little")


def decrypt_cbc(key: bytes, start: bytes, data: bytes) -> bytes:
    """Decrypt whole blocks of `data`; a rest shorter than a block is dropped. `start` is the initial vector."""
    plain = decrypt_ecb(key, data)
    return _xor(plain, (start + data)[: len(plain)])


def decrypt_ecb(key: bytes, data: bytes) -> bytes:
    """Decrypt each whole block of `data` by itself; a rest shorter than a block is dropped."""
    data = data[: len(data) // BLOCK_BYTES * BLOCK_BYTES]
    keys = _round_keys(key)
    planes = [data[place::16].translate(_adding(keys[-1][place])) for place in range(16)]
    for number in range(len(keys) - 2, -1, -1):
        planes = [
            planes[_UNSHIFTED[place]].translate(_INVERSE).translate(_adding(keys[number][place]))
            for place in range(16)
        ]
        if number:
            planes = _unmix(planes)
    out = bytearray(len(data))
    for place, plane in enumerate(planes):
        out[place::16] = plane
    return bytes(out)


def _unmix(planes: list[bytes]) -> list[bytes]:
    """InvMixColumns (FIPS 197, 5.3.3) over planes."""
    mixed = []
    for place in range(16):
        column = place // 4 * 4
        rows = [planes[column + (place + step) % 4] for step in range(4)]
        mixed.append(
            _xor(*(row.translate(_BY[factor]) for row, factor in zip(rows, (14, 11, 13, 9), strict=True)))
        )
    return mixed


def _adding(value: int) -> bytes:
    return bytes(byte ^ value for byte in range(256))


def _turned_tables() -> tuple[list[int], ...]:
    """SubBytes and MixColumns of one byte in each row of a column, as words (FIPS 197, 5.1.3)."""
    columns = ((_BY[2][value], value, value, _BY[3][value]) for value in _BOX)
    first = [int.from_bytes(bytes(column), "big") for column in columns]
    return tuple(
        [word >> turn | word << (32 - turn) & 0xFFFFFFFF for word in first] for turn in (0, 8, 16, 24)
    )


_TABLES = _turned_tables()


def encrypt_cbc(key: bytes, start: bytes, data: bytes) -> bytes:
    """Encrypt whole blocks of `data` one after another. `start` is the initial vector."""
    keys = [struct.unpack(">4I", part) for part in _round_keys(key)]
    t0, t1, t2, t3 = _TABLES
    out, last = [], start
    for at in range(0, len(data), BLOCK_BYTES):
        a, b, c, d = struct.unpack(">4I", _xor(data[at : at + BLOCK_BYTES], last, _PACK(*keys[0])))
        for k in keys[1:-1]:
            a, b, c, d = (
                t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ k[0],
                t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ k[1],
                t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ k[2],
                t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ k[3],
            )
        box = _PACK(a, b, c, d).translate(_BOX)
        last = _xor(bytes([box[place] for place in _SHIFTED]), _PACK(*keys[-1]))
        out.append(last)
    return b"".join(out)
