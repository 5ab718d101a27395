"""The parsers alone, against damaged and hostile bytes: they answer or say that they can not, and never just fail."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Opened
from overt.conduct.sink import capture, echoes, hello, mqtt, packets, quic, socks, stun
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.conversation import certified_names
from overt.conduct.sink.exchange import host_of
from overt.conduct.sink.heard import Heard
from overt.conduct.sink.http2 import PREFACE
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import NAMES4, NAMES6, Limits
from overt.conduct.sink.recognise import Kind, recognise
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.responses import Responder
from overt.conduct.sink.stream import Stream, TcpStream
from overt.conduct.sink.tape import Ends, Recorder


def client_hello(name: str | None = "a.example", alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_a_hello() -> None:
    message = hello.in_records(client_hello())
    assert message is not None
    said = hello.read(message)
    assert (said.server_name, said.alpn) == ("a.example", ("h2", "http/1.1")) and 0x0304 in said.versions
    assert hello.read(hello.in_records(client_hello(None)) or b"").server_name == ""


def test_a_hello_in_many_records() -> None:
    whole = client_hello()
    body, records = whole[5:], b""
    for at in range(0, len(body), 10):
        assert hello.in_records(records) is None
        part = body[at : at + 10]
        records += b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
    assert hello.in_records(records) == body


def test_damaged_hellos() -> None:
    chance, whole = random.Random(1), client_hello()
    for _ in range(5000):
        damaged = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.randrange(5) if damaged else 0):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            hello.read(hello.in_records(bytes(damaged)) or b"")
        except hello.NoHello:
            pass


@given(st.binary(max_size=200))
@example(b"\x16\x03\x01" + b"\xff\xff" + b"\x01\0\0\0")
def test_any_bytes(data: bytes) -> None:
    for port in (53, 80, 443, 853):
        recognise(data, port)
    packets.read(data)
    packets.read(b"\0" * 12 + b"\x08\0" + data)
    packets.read(b"\0" * 12 + b"\x86\xdd" + data)
    quic.Handshake().take(data)
    quic.head(data)
    Resolver(Names(NAMES4, NAMES6)).answer(data)
    echoes.reply(data)
    for datagram in (
        data,
        b"\0\1" + len(data).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes(12) + data,
    ):
        if stun.is_message(datagram):
            stun.answer(datagram, "2001:db8::1", 4321)
    try:
        hello.read(data)
    except hello.NoHello:
        pass


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"GET / HTTP/1.1\r\n", Kind.HTTP1),
        (b"PROPFIND /x HTTP/1.0\n", Kind.HTTP1),
        (b"GET", Kind.UNDECIDED),
        (b"GET /a/long/path HT", Kind.UNDECIDED),
        (b"GET / SMTP/1.1\r\n", Kind.RAW),
        (b"hello there", Kind.RAW),
        (PREFACE, Kind.HTTP2),
        (PREFACE[:10], Kind.UNDECIDED),
        (b"SSH-2.0-x\r\n", Kind.SSH),
        (b"SS", Kind.UNDECIDED),
        (b"ehlo me\r\n", Kind.SMTP),
        (b"\x16", Kind.UNDECIDED),
        (b"\x16\x03\x01\x02\x00\x01", Kind.TLS),
        (b"\x16\x03\x01\x02\x00\x02", Kind.RAW),
        (b"\x16\x01", Kind.RAW),
        (b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", Kind.RAW),
    ],
)
def test_what_is_recognised(data: bytes, kind: Kind) -> None:
    assert recognise(data, 80) is kind


def test_dns_is_recognised_on_its_ports_only() -> None:
    question = b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
    assert recognise(question, 53) is recognise(question, 853) is Kind.DNS
    assert recognise(client_hello(), 853) is Kind.TLS


def talked(serve: Callable[[Stream], Awaitable[None]], said: bytes, folder: Path) -> int:
    """How many bytes are on the tape when a client has said all that to `serve`, and left."""

    async def talk() -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        recorder = Recorder(RunFolder(folder), Names(NAMES4, NAMES6), Limits(), 0.0)
        tape = recorder.begin(Ends("tcp", "198.18.0.1", 1080, "192.0.2.2", 4321))
        assert tape is not None
        stream = TcpStream(ours, tape)
        with ours, theirs:
            await serve(stream)
        stream.flush()
        recorder.close()
        return tape.sent_bytes

    return asyncio.run(talk())


@pytest.mark.parametrize("name", ["socks", "mqtt"])
def test_whatever_a_client_says_is_answered_to_the_end_and_kept(tmp_path: Path, name: str) -> None:
    async def inside(stream: Stream) -> None:
        await stream.drain()

    connect = b"\x10\x10\0\4MQTT\5\2\0\x3c\0\0\3abc"
    whole, serve = {
        "socks": (
            b"\5\3\0\1\2\1\2me\2pw\5\1\0\3\x09a.example\1\xbbinside",
            partial(socks.serve, inside=inside),
        ),
        "mqtt": (connect + b"\x34\x0b\0\3a/b\0\7\0data\x82\x08\0\1\0\0\2c/d\xc0\0\xe0\0", mqtt.serve),
    }[name]
    (tmp_path / "streams").mkdir()
    chance = random.Random(4)
    for number in range(400):
        damaged = bytearray(whole)
        for _ in range(min(number, chance.randrange(4))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        said = bytes(damaged[: chance.randrange(1, len(damaged) + 1)]) if number else whole
        assert talked(serve, said, tmp_path) == len(said), said


def test_the_authority_signs_for_any_name() -> None:
    authority = Authority.new()
    assert authority.context(("a.example", "192.0.2.1"), ()) is authority.context(
        ("a.example", "192.0.2.1"), ()
    )
    for name in ("x" * 300 + ".example", "a..b", "-", "Ünicode", "a b", "", "*.example", "x\0y"):
        authority.context(certified_names(name, "192.0.2.1", ""), ())


def test_checksums_of_the_internet() -> None:
    assert echoes.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071 §3
    request = bytes.fromhex("4500001c0000400040010000c0000201c0000202") + bytes.fromhex("0800f7fd00010001")
    answer = echoes.reply(request)
    assert answer is not None and answer[1:] == ("192.0.2.2", "192.0.2.1")
    assert answer[0][:2] == b"\0\0" and echoes.checksum(answer[0]) == 0


def test_frames_in_frames() -> None:
    udp = bytes.fromhex("0035003500100000") + b"payload!"
    ip6 = (
        bytes.fromhex("60000000")
        + (len(udp) + 16).to_bytes(2, "big")
        + b"\x00\x40"
        + bytes(15)
        + b"\1"
        + bytes(15)
        + b"\2"
    )
    hops, options = b"\x3c\0" + bytes(6), b"\x11\0" + bytes(6)
    tagged = bytes(12) + bytes.fromhex("81000001") + b"\x86\xdd" + ip6 + hops + options + udp
    carried = packets.read(tagged)
    assert (carried.protocol, carried.source, carried.destination) == ("udp", "::1", "::2")
    assert (carried.port, carried.payload) == (53, b"payload!")


def test_an_error_about_what_the_sink_sent_is_upkeep_and_any_other_is_not() -> None:
    def frame(about: bytes) -> bytes:
        head = bytes.fromhex("45000000000000004001") + b"\0\0" + bytes([192, 0, 2, 1, 192, 0, 2, 2])
        return bytes(12) + b"\x08\0" + head + bytes.fromhex("0303000000000000") + about

    ours = bytes.fromhex("45000000000000004011") + b"\0\0" + bytes([192, 0, 2, 2, 192, 0, 2, 1])
    assert packets.read(frame(ours + b"we said this")).upkeep
    forged = packets.read(frame(bytes(20) + b"smuggled"))
    assert not forged.upkeep and forged.payload.endswith(b"smuggled")


def test_a_damaged_capture_is_read_as_far_as_it_goes(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("capture") / "damaged"
    blocks = capture._section() + capture._interface("eth0")
    blocks += b"".join(capture._packet(memoryview(bytes([n]) * n), n, n, n % 2 == 0) for n in range(1, 50))
    chance = random.Random(2)
    path.write_bytes(blocks)
    assert [one.data for one in capture.packets(path)] == [bytes([n]) * n for n in range(1, 50)]
    for _ in range(500):
        damaged = bytearray(blocks)
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(len(damaged))])
        list(capture.packets(path))


@pytest.mark.parametrize("before", [b"", b"STARTTLS\r\n"], ids=["late", "midway"])
def test_tls_that_is_passed_on_is_told_as_unopened(tmp_path: Path, before: bytes) -> None:
    """Who waits as if the server were to speak first is not opened: then nobody must think that it was plain."""
    recorder = Recorder(RunFolder(tmp_path), Names(NAMES4, NAMES6), Limits(), 0.0)
    tape = recorder.begin(Ends("tcp", "45.0.0.10", 443, "192.0.2.2", 4321))
    assert tape is not None
    heard = Heard(tape, Responder(Resolver(Names(NAMES4, NAMES6))), secure=False)
    for data in filter(None, (before, client_hello("late.example"))):
        heard.take(data)
    assert (tape.opened, tape.application, tape.server_name) == (Opened.OPAQUE, "tls", "late.example")


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("A.example", "a.example"),
        ("a.example:8443", "a.example"),
        ("[2001:db8::1]:443", "[2001:db8::1]"),
        ("[::1]", "[::1]"),
        ("me:word@a.example:1", "a.example"),
        ("", ""),
    ],
)
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    assert host_of(authority) == host
