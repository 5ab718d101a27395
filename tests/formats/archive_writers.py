"""Small writers of formats that no packaged tool makes, each after its specification, one stored or zlib member."""

from __future__ import annotations

import base64
import struct
import zlib


def rar4(name: str, content: bytes, *, flags: int = 0, solid: bool = False) -> bytes:
    """RAR 2.9 (technote.txt of unrar): one stored file; `flags` are those of its header."""
    packed = struct.pack(
        "<IIBIIBBHI", len(content), len(content), 3, zlib.crc32(content), 0, 29, 0x30, len(name), 0x81A4
    )
    return (
        b"Rar!\x1a\x07\x00"
        + _rar4_block(0x73, 8 if solid else 0, bytes(6))
        + _rar4_block(0x74, 0x8000 | flags, packed + name.encode())
        + content
        + _rar4_block(0x7B, 0x4000, b"")
    )


def _rar4_block(kind: int, flags: int, body: bytes) -> bytes:
    rest = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(rest) & 0xFFFF) + rest


def rar5(members: dict[str, bytes]) -> bytes:
    """RAR 5.0 (rarlab.com/technote.htm): stored files."""
    files = b"".join(_rar5_file(name, content) for name, content in members.items())
    return b"Rar!\x1a\x07\x01\x00" + _rar5_block(_vint(1, 0, 0)) + files + _rar5_block(_vint(5, 0, 0))


def _rar5_file(name: str, content: bytes) -> bytes:
    has_data, has_crc, unix = 2, 4, 1
    head = _vint(2, has_data, len(content), has_crc, len(content), 0o100644)
    head += struct.pack("<I", zlib.crc32(content)) + _vint(0, unix, len(name)) + name.encode()
    return _rar5_block(head) + content


def _rar5_block(head: bytes) -> bytes:
    rest = _vint(len(head)) + head
    return struct.pack("<I", zlib.crc32(rest)) + rest


def _vint(*values: int) -> bytes:
    out = bytearray()
    for value in values:
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
    return bytes(out)


def lzh(name: str, content: bytes) -> bytes:
    """LHA level 0 header with method -lh0- (stored), then the archive's end."""
    sizes = struct.pack("<IIIBB", len(content), len(content), 0, 0x20, 0)
    fields = b"-lh0-" + sizes + bytes([len(name)]) + name.encode() + struct.pack("<H", _crc16(content))
    return bytes([len(fields), sum(fields) & 0xFF]) + fields + content + b"\0"


def _crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def xar(name: str, content: bytes) -> bytes:
    """XAR: a zlib-compressed table of contents, then the heap; no checksums."""
    toc = (
        '<?xml version="1.0" encoding="UTF-8"?><xar><toc><file id="1"><name>'
        f"{name}</name><type>file</type><data><length>{len(content)}</length><offset>0</offset>"
        f'<size>{len(content)}</size><encoding style="application/octet-stream"/></data></file></toc></xar>'
    ).encode()
    packed = zlib.compress(toc)
    return b"xar!" + struct.pack(">HHQQI", 28, 1, len(packed), len(toc), 0) + packed + content


def udif(disk: bytes) -> bytes:
    """UDIF: one zlib-compressed block table for the whole disk (a multiple of 512 bytes), and the trailer."""
    sectors = len(disk) // 512
    packed = zlib.compress(disk)
    blocks = struct.pack(">IIQQQQ", 0x80000005, 0, 0, sectors, 0, len(packed))
    blocks += struct.pack(">IIQQQQ", 0xFFFFFFFF, 0, sectors, 0, len(packed), 0)
    table = (
        struct.pack(">4sIQQQII24x", b"mish", 1, 0, sectors, 0, 0, 0)
        + bytes(136)
        + struct.pack(">I", 2)
        + blocks
    )
    plist = (
        '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>resource-fork</key><dict>'
        "<key>blkx</key><array><dict><key>Attributes</key><string>0x0050</string><key>Data</key><data>"
        f"{base64.b64encode(table).decode()}</data><key>ID</key><string>0</string>"
        "<key>Name</key><string>whole disk</string></dict></array></dict></dict></plist>"
    ).encode()
    trailer = struct.pack(">4sIIIQQQQQII16x", b"koly", 4, 512, 1, 0, 0, len(packed), 0, 0, 1, 1)
    trailer += bytes(136) + struct.pack(">QQ", len(packed), len(plist)) + bytes(120)
    trailer += bytes(136) + struct.pack(">IQ12x", 1, sectors)
    return packed + plist + trailer


def chm(name: str, content: bytes) -> bytes:
    """ITSF version 3: one uncompressed file, one directory chunk."""
    names = struct.pack("<HH", 0, 1) + struct.pack("<H", 12) + "Uncompressed\0".encode("utf-16-le")
    names = struct.pack("<H", len(names) // 2) + names[2:]
    entries = [("::DataSpace/NameList", 0, len(names)), (f"/{name}", len(names), len(content))]
    listing = b"".join(_chm_entry(*entry) for entry in entries)
    free = 0x1000 - 0x14 - len(listing)
    chunk = b"PMGL" + struct.pack("<IIii", free, 0, -1, -1) + listing + bytes(free - 2) + struct.pack("<H", 2)
    directory = b"ITSP" + struct.pack("<IIIIIIiiiiiI", 1, 0x54, 10, 0x1000, 2, 1, -1, 0, 0, -1, 1, 0x409)
    directory += bytes(16) + struct.pack("<Iiii", 0x54, -1, -1, -1) + chunk
    first, second = 0x60, 0x60 + 0x18
    start = second + len(directory)
    end = start + len(names) + len(content)
    head = b"ITSF" + struct.pack("<IIIII", 3, 0x60, 1, 0, 0x409) + _ITSF_GUIDS
    head += struct.pack("<QQQQQ", first, 0x18, second, len(directory), start)
    return head + struct.pack("<IIQII", 0x1FE, 0, end, 0, 0) + directory + names + content


_ITSF_GUIDS = bytes.fromhex("10fd017caa7bd0119e0c00a0c922e6ec11fd017caa7bd0119e0c00a0c922e6ec")


def _chm_entry(name: str, offset: int, length: int) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\0" + _big_endian(offset) + _big_endian(length)


def _big_endian(value: int) -> bytes:
    """Seven bits a byte, the highest first."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def swf(body: bytes) -> bytes:
    """A Flash film whose body is zlib-compressed."""
    return b"CWS\x0a" + struct.pack("<I", 8 + len(body)) + zlib.compress(body)


def zip_entry(
    name: bytes, method: int, packed: bytes, content: bytes, *, flags: int = 0, offset: int = 0
) -> tuple[bytes, bytes]:
    """A local header with its data, and the central directory's record of it (PKWARE APPNOTE 6.3.10)."""
    sizes = (zlib.crc32(content), len(packed), len(content), len(name), 0)
    middle = (63, flags, method, 0, *sizes)
    local = struct.pack("<4sHHHIIIIHH", b"PK\x03\x04", *middle) + name + packed
    central = struct.pack("<4sHHHHIIIIHHHHHII", b"PK\x01\x02", 63, *middle, 0, 0, 0, 0, offset) + name
    return local, central


def zip_file(locals_: bytes, centrals: bytes, count: int) -> bytes:
    """Local entries, central directory and end record; ZIP64 when there are more than 65,535 entries."""
    end64 = b""
    if count > 0xFFFF:
        end64 = struct.pack(
            "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(centrals), len(locals_)
        )
        end64 += struct.pack("<4sIQI", b"PK\x06\x07", 0, len(locals_) + len(centrals), 1)
    short = min(count, 0xFFFF)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, short, short, len(centrals), len(locals_), 0)
    return locals_ + centrals + end64 + end


def zip_of(name: str, method: int, packed: bytes, content: bytes, *, flags: int = 0) -> bytes:
    """A zip file with one entry."""
    return zip_file(*zip_entry(name.encode(), method, packed, content, flags=flags), 1)


def deflate(content: bytes) -> bytes:
    """Raw DEFLATE, without zlib's header."""
    encoder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return encoder.compress(content) + encoder.flush()
