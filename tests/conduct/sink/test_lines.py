"""Protocols in which the server speaks first: mail with and without TLS, file transfer, mail boxes, greetings."""

from __future__ import annotations

import ftplib
import imaplib
import io
import os
import poplib
import smtplib
import socket
import ssl
import time

import pytest

from overt.conduct.evidence.records import Opened
from tests.conduct.sink.lab import Net

pytestmark = pytest.mark.kernel

LETTER = b"Subject: report\r\n\r\n" + b"".join(
    b"line %06d of a letter\r\n" % number for number in range(20_000)
)
PAYLOAD = os.urandom(200_000)


def test_smtp(net: Net) -> None:
    def send() -> None:
        with smtplib.SMTP("mail.example", 25, timeout=60) as server:
            server.login("me", "password")
            server.sendmail("a@spy.example", ["b@spy.example", "c@spy.example"], LETTER)

    net.inside(send)
    net.stop()
    (flow,) = net.to("mail.example", protocol="tcp")
    assert flow.application == "smtp" and LETTER in net.sent(flow)
    assert [(one.method, one.target) for one in flow.requests] == [
        ("MAIL FROM", "a@spy.example"),
        ("RCPT TO", "b@spy.example"),
        ("RCPT TO", "c@spy.example"),
    ]
    assert flow.requests[0].sent_bytes == len(LETTER)


def test_smtp_with_starttls_and_over_tls(net: Net) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))

    def send() -> None:
        with smtplib.SMTP("start.example", 587, timeout=60) as server:
            server.starttls(context=context)
            server.sendmail("a@spy.example", ["b@spy.example"], LETTER)
        with smtplib.SMTP_SSL("whole.example", 465, timeout=60, context=context) as server:
            server.sendmail("a@spy.example", ["b@spy.example"], LETTER)

    net.inside(send)
    net.stop()
    for name in ("start.example", "whole.example"):
        (flow,) = net.to(name, protocol="tcp")
        assert flow.application == "smtp" and flow.opened is Opened.DECRYPTED and flow.server_name == name
        assert LETTER in net.sent(flow) and flow.requests[-1].target == "b@spy.example"
    (flow,) = net.to("start.example", protocol="tcp")
    assert net.sent(flow).startswith(b"ehlo ") and b"STARTTLS\r\nehlo " in net.sent(flow)


def test_starttls_that_is_refused_is_opaque(net: Net) -> None:
    def send() -> None:
        with smtplib.SMTP("start.example", 587, timeout=60) as server:
            try:
                server.starttls(context=ssl.create_default_context())
            except ssl.SSLError:
                return
            raise AssertionError("the certificate was accepted")

    net.inside(send)
    net.stop()
    (flow,) = net.to("start.example", protocol="tcp")
    assert flow.opened is Opened.OPAQUE and "certificate" in flow.why_opaque
    assert b"STARTTLS\r\n\x16\x03" in net.sent(flow)


def test_a_pin_that_is_checked_after_starttls_is_opaque(net: Net) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))

    def send() -> None:
        server = smtplib.SMTP("start.example", 587, timeout=60)
        server.starttls(context=context)
        server.close()

    net.inside(send)
    net.stop()
    (flow,) = net.to("start.example", protocol="tcp")
    assert flow.opened is Opened.OPAQUE and "said nothing" in flow.why_opaque
    assert b"STARTTLS\r\n\x16\x03" in net.sent(flow)


def test_ftp(net: Net) -> None:
    def send() -> None:
        with ftplib.FTP("files.example", timeout=60) as server:
            server.login("me", "password")
            server.storbinary("STOR /in/secret.bin", io.BytesIO(PAYLOAD))

    net.inside(send)
    net.stop()
    control, data = net.to("files.example", protocol="tcp")
    assert control.application == "ftp" and ("STOR", "/in/secret.bin") in [
        (one.method, one.target) for one in control.requests
    ]
    assert net.sent(data) == PAYLOAD and data.port >= 50_000


def test_ftp_over_tls(net: Net) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))

    def send() -> None:
        with ftplib.FTP_TLS("files.example", timeout=60, context=context) as server:
            server.login("me", "password")
            server.prot_p()
            server.storbinary("STOR /in/secret.bin", io.BytesIO(PAYLOAD))

    net.inside(send)
    net.stop()
    control, data = net.to("files.example", protocol="tcp")
    assert control.opened is Opened.DECRYPTED and net.sent(data) == PAYLOAD


def test_imap_append(net: Net) -> None:
    def send() -> None:
        with imaplib.IMAP4("box.example", timeout=60) as server:
            server.login("me", "password")
            assert server.append("Drafts", "", imaplib.Time2Internaldate(time.time()), LETTER)[0] == "OK"

    net.inside(send)
    net.stop()
    (flow,) = net.to("box.example", protocol="tcp")
    assert flow.application == "imap" and LETTER in net.sent(flow)


def test_pop3(net: Net) -> None:
    def ask() -> None:
        server = poplib.POP3("box.example", timeout=60)
        server.user("me")
        server.pass_("password")
        assert server.stat() == (0, 0) and server.list()[1] == []
        server.quit()

    net.inside(ask)
    net.stop()
    assert b"PASS password\r\n" in net.sent(net.to("box.example", protocol="tcp")[0])


def test_ssh_is_opaque(net: Net) -> None:
    def talk() -> None:
        with socket.create_connection(("shell.example", 22), 60) as plain:
            assert plain.recv(100).startswith(b"SSH-2.0-")
            plain.sendall(b"SSH-2.0-client\r\n" + PAYLOAD)

    net.inside(talk)
    net.stop()
    (flow,) = net.to("shell.example", protocol="tcp")
    assert flow.application == "ssh" and flow.opened is Opened.OPAQUE
    assert net.sent(flow) == b"SSH-2.0-client\r\n" + PAYLOAD
