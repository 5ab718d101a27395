"""What counts as read: words, and what they were encoded to; all else does not, however orderly its bytes are."""

from __future__ import annotations

import base64
import codecs
import gzip
import json
import random
import re
import ssl
import string
import struct
import uuid
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest

from overt.conduct.canary.texts import SENTENCES
from overt.conduct.evidence.conclusions import OpaqueBytes
from overt.conduct.evidence.records import Request
from overt.conduct.finder.reckoning import ALLOWANCE_BYTES
from overt.conduct.finder.search import find
from tests.conduct.finder.known import Lab, post, unread

TEXT = " ".join(sentence for sentences in SENTENCES.values() for sentence in sentences).encode()
OWN = str.maketrans(
    string.ascii_letters + string.digits + "+/",
    "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA9876543210_-",
)


def question(name: str, number: int = 7) -> bytes:
    """A DNS message that asks for the address of `name`."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return number.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def base58(data: bytes) -> bytes:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, out = int.from_bytes(data, "big"), []
    while number:
        number, digit = divmod(number, 58)
        out.append(alphabet[digit])
    return "".join(reversed(out)).encode()


HIDING: dict[str, Callable[[bytes], bytes]] = {
    "added key": lambda data: bytes((byte + b"secretkey"[at % 9]) % 256 for at, byte in enumerate(data)),
    "rolling xor": lambda data: bytes(byte ^ (7 * at + 3) & 255 for at, byte in enumerate(data)),
    "letters moved on": lambda data: (
        codecs.encode(data.decode("latin-1"), "rot13")
        .translate(
            str.maketrans(string.ascii_lowercase, string.ascii_lowercase[3:] + string.ascii_lowercase[:3])
        )
        .encode("latin-1")
    ),
    "own base64": lambda data: base64.b64encode(data).decode().translate(OWN).encode(),
    "own base64 in words": lambda data: re.sub(rb"(.{6})", rb"\1 ", HIDING["own base64"](data)),
    "base58": base58,
    "added, in decimals": lambda data: b",".join(b"%d" % (byte + 300) for byte in data),
    "added, in hex": lambda data: HIDING["added key"](data).hex().encode(),
    "added, in bits": lambda data: "".join(f"{byte:08b}" for byte in HIDING["added key"](data)).encode(),
    "added, in groups of bits": lambda data: " ".join(
        f"{byte:08b}" for byte in HIDING["added key"](data)
    ).encode(),
    "added, in octal": lambda data: " ".join(f"{byte:03o}" for byte in HIDING["added key"](data)).encode(),
    "added, in tabs and spaces": lambda data: HIDING["added, in bits"](data).translate(
        bytes.maketrans(b"01", b" \t")
    ),
    "added, in gzip": lambda data: gzip.compress(HIDING["added key"](data)),
    "added, in JSON's numbers": lambda data: json.dumps(
        [{"took": byte + 1000} for byte in HIDING["added key"](data)]
    ).encode(),
}
"""Ways to say a text that nobody can read, without much disorder."""


@pytest.mark.parametrize("name", HIDING)
def test_what_is_hidden_in_orderly_bytes_is_unread(name: str) -> None:
    assert unread(post(HIDING[name](TEXT))) > len(TEXT) // 2


@pytest.mark.parametrize("language", SENTENCES)
def test_text_is_read_in_every_language_that_is_planted(language: str) -> None:
    text = " ".join(SENTENCES[language]) * 20
    assert unread(text.encode()) == 0
    assert unread(text.encode("utf-16-le")) == 0
    assert unread(base64.b64encode(gzip.compress(text.encode()))) == 0


@pytest.mark.parametrize(
    "text",
    [
        "Рабочая группа встретилась во вторник и обсудила список открытых вопросов. " * 20,
        "Η ομάδα εργασίας συναντήθηκε την Τρίτη και συζήτησε τα ανοιχτά θέματα. " * 20,
        "Çalışma grubu salı günü toplandı ve açık konuları görüştü. " * 20,
        "Munkacsoport kedden ülésezett, és megvitatta a nyitott kérdéseket. " * 20,
    ],
)
def test_other_languages_are_read_too(text: str) -> None:
    assert unread(text.encode()) == 0


def telemetry(chance: random.Random) -> bytes:
    name = str(uuid.UUID(int=chance.getrandbits(128)))
    events = [
        {
            "event": "scan finished",
            "at": f"2026-11-22T10:0{minute}:00Z",
            "files": 1200 + minute,
            "infected": 0,
        }
        for minute in range(10)
    ]
    return json.dumps({"installation": name, "version": "4.2.1", "events": events}).encode()


HONEST: dict[str, Callable[[random.Random], bytes]] = {
    "telemetry": telemetry,
    "telemetry in gzip": lambda chance: gzip.compress(telemetry(chance)),
    "form": lambda chance: urlencode(
        {
            "product": "scanner",
            "os": "Debian GNU/Linux 12",
            "id": f"{chance.getrandbits(64):x}",
            "lang": "en_GB",
        }
    ).encode(),
    "log": lambda chance: "".join(
        f"Nov 22 10:0{line % 10}:17 host scanner[812]: checked /usr/share/doc/package/copyright: nothing found\n"
        for line in range(40)
    ).encode(),
    "XML": lambda chance: (
        b'<?xml version="1.0" encoding="UTF-8"?><report xmlns="urn:example:report"><host os="linux">office</host>'
        b"<result>clean</result><engine version='1.4.6'/></report>"
    ),
    "HTML": lambda chance: (
        b"<!DOCTYPE html><html><head><title>Report</title></head><body><p>All is well.</p></body>"
    ),
    "table": lambda chance: (
        b"name;files;seconds\n"
        + "".join(f"folder {row};{chance.randrange(1000)};{row}\n" for row in range(40)).encode()
    ),
    "names": lambda chance: b"".join(
        question(f"{host}.update.example.org", chance.randrange(1 << 16))
        for host in ("www", "cdn", "api") * 99
    ),
    "version asked for": lambda chance: (
        (
            b"GET /v2/updates/sha256-%064x.tar.gz?os=linux&arch=amd64 HTTP/1.1\r\nHost: update.example.org\r\n"
            b"User-Agent: Scanner/4.2.1 (X11; Linux x86_64)\r\nAccept-Encoding: gzip, deflate, br\r\n"
            b'If-None-Match: "6b02daca-248"\r\nIf-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\n\r\n'
        )
        % chance.getrandbits(256)
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_products_say_of_themselves_is_read(name: str) -> None:
    body = HONEST[name](random.Random(5))
    assert unread(body) == 0
    assert unread(post(body)) == 0


def opaque(lab: Lab) -> dict[str, int]:
    find(lab.written(), confined=False)
    return {row.destination: row.bytes for row in lab.run.read(OpaqueBytes)}


def test_one_name_told_again_and_again_is_no_more_than_one(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for _ in range(100):
        lab.flow(post(telemetry(random.Random(5))))
    assert opaque(lab) == {}


def test_many_short_things_to_one_destination_are_not_allowed(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    chance = random.Random(6)
    many = 2 * ALLOWANCE_BYTES // 40 + 1
    for _ in range(many):
        lab.flow(post(b'{"id": "%040x"}' % chance.getrandbits(160)), name="many.example")
    for _ in range(many // 4):
        lab.flow(post(b'{"id": "%040x"}' % chance.getrandbits(160)), name="few.example")
    assert opaque(lab).keys() == {"many.example:80"}


def test_many_short_things_to_many_destinations_are_not_allowed(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    chance = random.Random(8)
    for host in range(20):
        body = b'{"ids": [%s]}' % b", ".join(b'"%040x"' % chance.getrandbits(160) for _ in range(15))
        lab.flow(post(body), name=f"{SENTENCES['en'][0].split()[0].lower()}-{host}.many.example")
    [(name, size)] = opaque(lab).items()
    assert name == "20 destinations together"
    assert size > 20 * 15 * 40


def test_a_few_short_things_to_many_destinations_are_allowed(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for host in range(20):
        lab.flow(post(telemetry(random.Random(5))), name=f"cdn-{host}.many.example")
    assert opaque(lab) == {}


def test_names_that_are_no_words_are_unread(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    hidden = HIDING["added key"](TEXT)[:2_000].hex()
    for number, at in enumerate(range(0, len(hidden), 60)):
        name = f"{hidden[at : at + 60]}.tunnel.example"
        asked = (Request(at_s=float(number), method="A", target=name),)
        lab.flow(question(name), application="dns", protocol="udp", port=53, name="", requests=asked)
    found = opaque(lab)
    assert found["tunnel.example"] >= 4_000


def test_a_question_with_more_in_it_is_no_plain_one() -> None:
    hidden = random.Random(7).randbytes(40)
    plain = [question("www.example.org", number) for number in range(200)]
    assert unread(b"".join(plain)) == 0
    assert unread(b"".join(one + hidden for one in plain)) > 200 * 40


def asked(number: int, name: str = "www.example.org", kind: int = 1, opt: bytes = b"") -> bytes:
    """A question with a type of one's own, and OPT."""
    plain = question(name, number)
    return plain[:10] + (b"\0\1" if opt else b"\0\0") + plain[12:-4] + kind.to_bytes(2, "big") + b"\0\1" + opt


OPT = b"\0\0\x29%b\0\0%b\0\0"
FIELDS: dict[str, Callable[[random.Random], bytes]] = {
    "number": lambda chance: asked(chance.getrandbits(16)),
    "type": lambda chance: asked(7, kind=chance.getrandbits(8)),
    "size of answers": lambda chance: asked(7, opt=OPT % (chance.randbytes(2), b"\0\0")),
    "flags": lambda chance: asked(7, opt=OPT % (b"\x04\xd0", chance.randbytes(2))),
    "capitals": lambda chance: asked(
        7, "".join(chance.choice((sign.upper(), sign.lower())) for sign in "updates.of.example.org")
    ),
}
"""Where a question to a name server can tell something besides its name."""


@pytest.mark.parametrize("field", FIELDS)
def test_what_hides_beside_the_name_that_is_asked_for_is_unread(field: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    chance = random.Random(9)
    for _ in range(800):
        lab.flow(FIELDS[field](chance), application="dns", protocol="udp", port=53, name="")
    assert opaque(lab)["198.18.0.1:53"] > ALLOWANCE_BYTES


def test_what_resolvers_add_to_a_question_is_read(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    chance = random.Random(10)
    for number in range(200):
        size = chance.choice((512, 1232, 4096)).to_bytes(2, "big")
        data = asked(number, kind=chance.choice((1, 28)), opt=OPT % (size, b"\x80\0"))
        lab.flow(data, application="dns", protocol="udp", port=53, name="")
    assert opaque(lab) == {}


def hello(alpn: Sequence[str]) -> bytes:
    """What OpenSSL says first."""
    context, out = ssl.create_default_context(), ssl.MemoryBIO()
    context.set_alpn_protocols(alpn)
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="update.example.org")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def extended(kind: int, content: bytes) -> bytes:
    """A hello with nothing but this extension."""
    one = struct.pack(">HH", kind, len(content)) + content
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack(">H", len(one)) + one
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


HELLOS: dict[str, Callable[[random.Random], bytes]] = {
    "protocols": lambda chance: hello([chance.randbytes(80).hex() for _ in range(20)]),
    "unknown extension": lambda chance: extended(0x7F01, chance.randbytes(600)),
    "padding": lambda chance: extended(21, chance.randbytes(600)),
    "large ticket": lambda chance: extended(35, chance.randbytes(4_000)),
}


@pytest.mark.parametrize("way", HELLOS)
def test_what_hides_in_a_hello_is_unread(way: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.flow(post(b"fine"), application="https", port=443, hello=HELLOS[way](random.Random(11)))
    assert opaque(lab)["up.example:443"] > 500


def test_usual_hellos_are_read(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for protocols in (["http/1.1"], ["h2", "http/1.1"], ["mqtt"]) * 20:
        lab.flow(post(b"fine"), application="https", port=443, hello=hello(protocols))
    assert opaque(lab) == {}


def test_the_difference_of_bytes_is_undone() -> None:
    sent = bytes((after - before) % 256 for before, after in pairwise(b"\0" + TEXT))
    assert bytes(byte % 256 for byte in accumulate(sent)) == TEXT
    assert unread(post(sent)) == 0
