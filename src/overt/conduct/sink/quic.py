"""What a QUIC client says first: its Initial packets are encrypted with keys that anybody can derive (RFC 9001 §5.2).

They carry the ClientHello, and with it server name and ALPN. The answer is a Version Negotiation packet with versions
that nobody speaks (RFC 9000 §6): clients then turn to TCP at once, where they can be read.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from overt.conduct.sink.hello import Hello, NoHello, Reader
from overt.conduct.sink.hello import read as read_hello

MAX_CRYPTO_BYTES = 64 << 10
_MAX_ID_BYTES = 20
_LONG, _FIXED = 0x80, 0x40
_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE = 0, 1, 2, 3, 6, 0x1C


@dataclass(frozen=True, slots=True)
class Version:
    """What differs between QUIC versions, as far as Initial packets go."""

    salt: bytes
    label: str
    initial: int
    """Number of the packet type Initial."""


VERSIONS = {
    0x00000001: Version(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic", 0),
    0x6B3343CF: Version(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2", 1),
}
"""RFC 9001 and RFC 9369."""


@dataclass(frozen=True, slots=True)
class Head:
    """The part of a long header that all versions share (RFC 8999 §5.1)."""

    version: int
    destination: bytes
    source: bytes


@dataclass(slots=True)
class Handshake:
    """The client's side of one connection's CRYPTO stream, from packets in any order."""

    _parts: dict[int, bytes] = field(default_factory=dict)
    _key_id: bytes | None = None

    def take(self, datagram: bytes) -> None:
        """Open what a datagram has of Initial packets; what can't be opened is passed over."""
        for head, version, packet in _initials(datagram):
            if self._key_id is None:
                self._key_id = head.destination
            try:
                for offset, data in _crypto(_opened(packet, version, self._key_id)):
                    if offset + len(data) <= MAX_CRYPTO_BYTES and len(self._parts) < MAX_CRYPTO_BYTES // 16:
                        self._parts[offset] = data
            except (InvalidTag, NoHello, ValueError):
                continue

    def message(self) -> bytes:
        """The handshake bytes from the beginning, as far as there is no gap."""
        whole = bytearray()
        for offset, data in sorted(self._parts.items()):
            if offset > len(whole):
                break
            whole += data[len(whole) - offset :]
        return bytes(whole)

    def hello(self) -> Hello | None:
        """The ClientHello, when it is whole."""
        message = self.message()
        if len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
            return None
        try:
            return read_hello(message)
        except NoHello:
            return None


def head(datagram: bytes) -> Head | None:
    """The beginning of a long-header packet from a client; None if this is something else."""
    try:
        reader = Reader(datagram)
        first, version = reader.number(1), reader.number(4)
        if not first & _LONG or version == 0 or len(datagram) < 64:
            return None
        found = Head(version, reader.vector(1), reader.vector(1))
    except NoHello:
        return None
    return found if max(len(found.destination), len(found.source)) <= _MAX_ID_BYTES else None


def negotiation(asked: Head) -> bytes:
    """A Version Negotiation packet that offers only versions reserved for exercise (RFC 9000 §15)."""
    versions = (0x0A0A0A0A, 0x1A2A3A4A)
    listed = b"".join(version.to_bytes(4, "big") for version in versions if version != asked.version)
    ids = b"".join(bytes([len(one)]) + one for one in (asked.source, asked.destination))
    return bytes([_LONG | _FIXED | secrets.randbelow(64)]) + bytes(4) + ids + listed


@dataclass(frozen=True, slots=True)
class _Packet:
    """One Initial packet, still protected."""

    whole: bytes
    number_at: int


def _initials(datagram: bytes) -> Iterator[tuple[Head, Version, _Packet]]:
    """The Initial packets of a datagram (RFC 9000 §12.2: several may share one)."""
    while (found := head(datagram)) and (version := VERSIONS.get(found.version)):
        kind = datagram[0] >> 4 & 3
        try:
            reader = Reader(datagram)
            reader.take(7 + len(found.destination) + len(found.source))
            if kind == version.initial:
                reader.take(_variable(reader))
            length = _variable(reader)
            number_at = len(datagram) - reader.left
            reader.take(length)
        except NoHello:
            return
        end = len(datagram) - reader.left
        if kind == version.initial:
            yield found, version, _Packet(datagram[:end], number_at)
        datagram = datagram[end:]


def _opened(packet: _Packet, version: Version, destination: bytes) -> bytes:
    """The packet's frames (RFC 9001 §5.3, §5.4). Raises `InvalidTag`, `ValueError`, `NoHello`."""
    secret = _extract(version.salt, destination)
    client = _expand(secret, "client in", 32)
    key, iv, mask_key = (
        _expand(client, f"{version.label} {part}", size)
        for part, size in (("key", 16), ("iv", 12), ("hp", 16))
    )
    at, whole = packet.number_at, bytearray(packet.whole)
    sample = bytes(whole[at + 4 : at + 20])
    if len(sample) < 16:
        raise NoHello("too short for a sample")
    encryptor = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor()
    mask = encryptor.update(sample)
    whole[0] ^= mask[0] & 0x0F
    size = (whole[0] & 3) + 1
    for index in range(size):
        whole[at + index] ^= mask[1 + index]
    number = int.from_bytes(whole[at : at + size], "big")
    nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
    return AESGCM(key).decrypt(nonce, bytes(whole[at + size :]), bytes(whole[: at + size]))


def _crypto(frames: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and data of the CRYPTO frames (RFC 9000 §19). Raises `NoHello`."""
    reader = Reader(frames)
    while reader.left:
        match _variable(reader):
            case 0 | 1:
                continue
            case 2 | 3 as kind:
                _variable(reader)
                _variable(reader)
                ranges = _variable(reader)
                for _ in range(min(1 + 2 * ranges + (3 if kind == _ACK_ECN else 0), reader.left)):
                    _variable(reader)
            case 6:
                offset = _variable(reader)
                yield offset, reader.take(_variable(reader))
            case _:
                return


def _variable(reader: Reader) -> int:
    """A variable-length integer (RFC 9000 §16). Raises `NoHello`."""
    first = reader.number(1)
    size = 1 << (first >> 6)
    return (first & 0x3F) << 8 * (size - 1) | reader.number(size - 1)


def _extract(salt: bytes, data: bytes) -> bytes:
    mac = HMAC(salt, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def _expand(secret: bytes, label: str, size: int) -> bytes:
    """HKDF-Expand-Label with no context (RFC 8446 §7.1)."""
    name = f"tls13 {label}".encode()
    info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
    return HKDFExpand(hashes.SHA256(), size, info).derive(secret)
