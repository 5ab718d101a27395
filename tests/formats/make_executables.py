"""Programs that carry the payload. Self-extractors are made by real tools; what no free tool writes (InstallShield,
AutoIt, Symbian packages, packed programs) is written here, field by field."""

from __future__ import annotations

import gzip
import lzma
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

from overt.engine.unpack.autoit import EA05, EA06, MAGIC, Variant, keystream
from tests.formats.make_streams import tree
from tests.formats.nrv_writer import NrvWriter
from tests.payload import PAYLOAD

Build = Callable[[Path], bytes]

CODE, DATA = 0x6000_0020, 0xE000_0020
BASE, HEADERS, ALIGN, PAGE = 0x40_0000, 0x200, 0x200, 0x1000


def pe(sections: list[tuple[bytes, bytes, int]], entry: int = 0x1000, directories: bytes = b"") -> bytes:
    """A 32-bit PE file of (name, content, flags) sections, one page of memory after another."""
    table, body, address = b"", b"", PAGE
    for name, content, flags in sections:
        raw = -(-len(content) // ALIGN) * ALIGN
        memory = max(len(content), 1)
        table += struct.pack(
            "<8sIIII12xI", name, memory, address, raw, HEADERS + len(body) if raw else 0, flags
        )
        body += content.ljust(raw, b"\0")
        address += -(-memory // PAGE) * PAGE
    optional = struct.pack("<HBB9I", 0x10B, 6, 0, 0, 0, 0, entry, PAGE, PAGE, BASE, PAGE, ALIGN)
    optional += struct.pack("<6H4I2H", 4, 0, 0, 0, 4, 0, 0, address, HEADERS, 0, 3, 0)
    optional += struct.pack("<6I", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    header = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0"
    header += struct.pack("<HHIIIHH", 0x14C, len(sections), 0, 0, 0, 0xE0, 0x102)
    return (header + optional + directories.ljust(128, b"\0") + table).ljust(HEADERS, b"\0") + body


def overlay(_folder: Path) -> bytes:
    return pe([(b".text", b"\xc3", CODE)]) + gzip.compress(PAYLOAD)


def certificate(payload: bytes = b"") -> bytes:
    """A signed program: the overlay is the certificate table alone, with `payload` before it."""
    plain = pe([(b".text", b"\xc3", CODE)])
    entry = b"\0" * 32 + struct.pack("<II", len(plain) + len(payload), 64)
    return (
        pe([(b".text", b"\xc3", CODE)], directories=entry)
        + payload
        + b"\x40\0\0\0\0\2\2\0".ljust(64, b"\x30")
    )


def resource(content: bytes, kind: int = 10) -> bytes:
    """A program with one resource of type `kind` (10: RCDATA)."""
    levels = b""
    for level, number in enumerate((kind, 1, 1033)):
        target = 24 * (level + 1) | (0x8000_0000 if level < 2 else 0)
        levels += struct.pack("<12xHHII", 0, 1, number, target)
    section = levels + struct.pack("<IIII", 2 * PAGE + 88, len(content), 0, 0) + content
    directories = b"\0" * 16 + struct.pack("<II", 2 * PAGE, len(section))
    return pe([(b".text", b"\xc3", CODE), (b".rsrc", section, 0x4000_0040)], directories=directories)


def packed(_folder: Path, content: bytes = PAYLOAD) -> bytes:
    """A program that xors its second section in place, then jumps there."""
    hidden = bytes(value ^ 0x5A for value in content)
    stub = b"\x60\xbe" + struct.pack("<I", BASE + 2 * PAGE) + b"\xb9" + struct.pack("<I", len(hidden))
    stub += b"\x80\x36\x5a\x46\xe2\xfa\x61\x68" + struct.pack("<I", BASE + 2 * PAGE) + b"\xc3"
    return pe([(b"stub", stub, DATA), (b"data", hidden, DATA)])


def elf(folder: Path) -> bytes:
    """p7zip's self-extractor for Linux."""
    target = folder / "sfx"
    command = ["7z", "a", "-sfx7zCon.sfx", "-bd", str(target), str(tree(folder))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target.read_bytes()


def upx_elf(content: bytes = PAYLOAD) -> bytes:
    """A Linux program as UPX packs it: one block stored, one of LZMA with calls made absolute, one of NRV2B."""
    raw = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    first = Path("/bin/true").read_bytes()[:256]
    calls = b"\xe8" + struct.pack(">I", 0x1B00_0000 | 0x1234 + 1) + b"\xc3"
    squeezed = b"\x1a\x03" + lzma.compress(calls + content, format=lzma.FORMAT_RAW, filters=raw)
    repeated = bytes(NrvWriter("b").literals(b"Q").copy(1, 98).out)
    blocks = (
        (first, first, 14, 0),
        (calls + content, squeezed, 14, 0x26),
        (b"Q" * 99, repeated, 2, 0),
    )
    body = b"".join(
        struct.pack("<IIBBBB", len(plain), len(packed), method, kind, 0x1B if kind else 0, 0) + packed
        for plain, packed, method, kind in blocks
    )
    headers = Path("/bin/true").read_bytes()[:0xE8]
    return (
        headers
        + struct.pack("<I4sHBB", 0, b"UPX!", 0, 13, 22)
        + struct.pack("<III", 0, sum(len(block[0]) for block in blocks), 1 << 20)
        + body
        + struct.pack("<I4sI", 0, b"UPX!", 0)
    )


def makeself(folder: Path, *options: str) -> bytes:
    """A `.run` installer."""
    root = tree(folder)
    (root / ("long" * 40)).unlink()  # makeself writes ustar
    target = folder / "installer.run"
    command = ["makeself", "--quiet", *options, str(root), str(target), "a test", "true"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target.read_bytes()


def deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


def cabinet(version: int = 0x0100_6000, content: bytes = PAYLOAD) -> bytes:
    """An InstallShield cabinet of version 6 (or 5) with one compressed file, its list of files included."""
    block = deflated(content)
    stored = struct.pack("<H", len(block)) + block
    table, start = 0x100, 0x600
    descriptor = struct.pack("<12xI4xI4xI8xII", table, 0, 0, 1, 8).ljust(table, b"\0")
    if version >> 12 & 15 > 5:
        entry = struct.pack("<HQQQ16x16xIH12xIIBH", 4, len(content), len(stored), start, 200, 0, 0, 0, 0, 1)
        rest = b"\0" * 8 + entry
    else:
        rest = struct.pack("<I", 4) + struct.pack("<IIHII20xI", 200, 0, 4, len(content), len(stored), start)
    listed = descriptor + rest.ljust(200, b"\0") + b"payload.bin\0"
    return (
        struct.pack("<4sIIII", b"ISc(", version, 0, 0x200, len(listed)).ljust(0x200, b"\0") + listed
    ).ljust(start, b"\0") + stored


def listed_setup(_folder: Path) -> bytes:
    """The overlay of a setup program: a header file and a cabinet, which belong together."""
    whole = cabinet()
    header, volume = whole[:0x600], whole[:16] + b"\0" * 4 + whole[20:]
    out = b""
    for name, content in (("data1.cab", volume), ("data1.hdr", header), ("setup.ini", b"[Startup]")):
        out += f"{name}\0Disk1\\{name}\0001.0.0.0\0{len(content)}\0".encode() + content
    return out


def msi_setup(_folder: Path) -> bytes:
    """The overlay of a setup program around an MSI package: each file scrambled with its name."""
    out = b"InstallShield\0" + struct.pack("<H30x", 2)
    for name, content in ((b"Setup.ini", zlib.compress(b"")), (b"payload.bin", zlib.compress(PAYLOAD))):
        key = bytes(char ^ b"\x13\x35\x86\x07"[index % 4] for index, char in enumerate(name))
        plain = bytes(value ^ 0xFF ^ key[index % 1024 % len(key)] for index, value in enumerate(content))
        body = bytes((value << 4 | value >> 4) & 0xFF for value in plain)
        out += struct.pack("<260sIIIII32x", name, 6, 0, len(body), 0, 0) + body
    return out


def literals(content: bytes, signature: bytes) -> bytes:
    """AutoIt's compression with literals only."""
    marker = "1" if signature == b"EA06" else "0"
    bits = "".join(f"{marker}{value:08b}" for value in content)
    return (
        signature
        + struct.pack(">I", len(content))
        + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    )


def autoit(variant: Variant, content: bytes = PAYLOAD, compress: bool = True) -> bytes:
    """A script and an installed file, as the overlay of an AutoIt program."""

    def coded(data: bytes, seed: int) -> bytes:
        return bytes(a ^ b for a, b in zip(data, keystream(seed, len(data), variant)))

    def string(value: str, numbers: tuple[int, int]) -> bytes:
        raw = value.encode("utf-16-le" if variant.wide else "ascii")
        return struct.pack("<I", len(value) ^ numbers[0]) + coded(raw, numbers[1] + len(value))

    digest = bytes(range(16))
    seed = variant.data + (0 if variant.wide else sum(digest))
    out = MAGIC + (b"6" if variant.wide else b"5") + digest
    for name, body in ((">AUTOIT SCRIPT<", b"; nothing"), ("C:\\payload.bin", content)):
        stored = literals(body, b"EA06" if variant.wide else b"EA05") if compress else body
        out += coded(b"FILE", variant.tag) + string(name, variant.name) + string(name, variant.path)
        out += struct.pack("<BIII16x", compress, len(stored) ^ variant.sizes, len(body) ^ variant.sizes, 0)
        out += coded(stored, seed)
    return out


def sis(_folder: Path) -> bytes:
    """A Symbian package of release 6 with one file."""
    name, body = "C:\\payload.bin".encode("utf-16-le"), zlib.compress(PAYLOAD)
    record = struct.pack("<IIIIIIIIII8x", 0, 0, 0, 0, 0, len(name), 0xA0, len(body), 0x100, len(PAYLOAD))
    header = struct.pack("<IIII", 0x1000_0000, 0x1000_3A12, 0x1000_0419, 0) + struct.pack("<HHH", 0, 1, 1)
    header = header.ljust(52, b"\0") + struct.pack("<I", 0x60)
    return (header.ljust(0x60, b"\0") + record).ljust(0xA0, b"\0") + name.ljust(0x60, b"\0") + body


FIXTURES: dict[str, Build] = {
    "pe": overlay,
    "pe resource": lambda _folder: resource(gzip.compress(PAYLOAD)),
    "pe signed": lambda _folder: certificate(gzip.compress(PAYLOAD)),
    "packed pe": packed,
    "elf": elf,
    "upx elf": lambda _folder: upx_elf(),
    "script archive": lambda folder: makeself(folder),
    "script archive xz": lambda folder: makeself(folder, "--xz"),
    "script archive uncompressed": lambda folder: makeself(folder, "--nocomp"),
    "installshield cabinet": lambda _folder: cabinet(),
    "installshield cabinet 5": lambda _folder: cabinet(0x0100_5000),
    "installshield setup": listed_setup,
    "installshield msi setup": msi_setup,
    "autoit": lambda _folder: autoit(EA06),
    "autoit EA05": lambda _folder: autoit(EA05),
    "sis": sis,
}
