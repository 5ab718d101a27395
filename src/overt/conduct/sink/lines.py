"""Protocols of lines in which the server speaks first: SMTP with its envelope, FTP with its uploads, and greetings."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Awaitable, Callable

from overt.conduct.sink.stream import Stream

StartTls = Callable[[Stream], Awaitable[Stream | None]]
"""Goes on inside TLS: the stream inside, or None when the client did not go through with it."""

MAX_LINE_BYTES = 64 << 10
GREETINGS = {
    21: b"220 FTP server ready.\r\n",
    22: b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n",
    25: b"220 mail ESMTP\r\n",
    110: b"+OK POP3 ready\r\n",
    119: b"200 news ready, posting allowed\r\n",
    143: b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LOGIN] ready\r\n",
    465: b"220 mail ESMTP\r\n",
    587: b"220 mail ESMTP\r\n",
    990: b"220 FTP server ready.\r\n",
    993: b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGIN] ready\r\n",
    995: b"+OK POP3 ready\r\n",
    2525: b"220 mail ESMTP\r\n",
    5900: b"RFB 003.008\n",
}
"""What a server says first, by port."""
APPLICATIONS = {
    21: "ftp",
    22: "ssh",
    25: "smtp",
    110: "pop3",
    119: "nntp",
    143: "imap",
    465: "smtp",
    587: "smtp",
    990: "ftp",
    993: "imap",
    995: "pop3",
    2525: "smtp",
    5900: "vnc",
}
_ADDRESS = re.compile(r"(?:FROM|TO):\s*<?([^>\s]*)>?", re.IGNORECASE)
_UPLOADS = frozenset({"STOR", "APPE", "STOU"})
_TAG = re.compile(rb"(\S+)\s+(?:UID\s+)?(\S+)")


async def smtp(stream: Stream, start_tls: StartTls | None) -> None:
    """A mail server that takes everything (RFC 5321), with STARTTLS (RFC 3207) and passwords (RFC 4954)."""
    offers = ["mail", "PIPELINING", "SIZE 1073741824", "8BITMIME", "SMTPUTF8", "AUTH PLAIN LOGIN"]
    offers += ["STARTTLS"] if start_tls else []
    letter = None
    while line := await stream.line(MAX_LINE_BYTES):
        words = line.decode("latin-1").split(None, 1)
        verb, rest = (words[0].upper() if words else ""), words[1] if len(words) > 1 else ""
        match verb:
            case "EHLO" | "LHLO":
                await _say(stream, *(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}")
            case "MAIL" | "RCPT":
                noted = stream.tape.asked(*_envelope(verb, rest))
                noted.status = 250
                letter = noted if verb == "MAIL" else letter
                await _say(stream, "250 ok")
            case "DATA":
                await _say(stream, "354 go on")
                size = await _letter(stream)
                if letter:
                    letter.sent_bytes += size
                await _say(stream, "250 ok")
            case "AUTH":
                await _password(stream, rest.split())
            case "STARTTLS" if start_tls:
                await _say(stream, "220 ready")
                inner = await start_tls(stream)
                if inner:
                    await smtp(inner, None)
                return
            case "QUIT":
                await _say(stream, "221 bye")
                return
            case _:
                await _say(stream, "250 ok")


async def ftp(stream: Stream, start_tls: StartTls | None) -> None:
    """A file server that takes every upload: data connections come to the sink as flows of their own (RFC 959)."""
    while line := await stream.line(MAX_LINE_BYTES):
        verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
        verb = verb.upper()
        if verb in _UPLOADS | {"RETR", "MKD", "DELE", "RNFR", "RNTO", "SIZE", "USER"}:
            stream.tape.asked(verb, rest)
        if verb == "AUTH" and start_tls:
            await _say(stream, "234 ready")
            inner = await start_tls(stream)
            if inner:
                await ftp(inner, None)
            return
        await _say(stream, *_ftp_answers(verb, stream.tape.ends.address))
        if verb == "QUIT":
            return


async def pop3(stream: Stream, start_tls: StartTls | None) -> None:
    """A mail box with nothing in it (RFC 1939)."""
    while line := await stream.line(MAX_LINE_BYTES):
        verb = line.split(None, 1)[0].upper() if line.strip() else b""
        if verb == b"STLS" and start_tls:
            await _say(stream, "+OK ready")
            inner = await start_tls(stream)
            return await pop3(inner, None) if inner else None
        answers = {
            b"STAT": ("+OK 0 0",),
            b"LIST": ("+OK", "."),
            b"UIDL": ("+OK", "."),
            b"CAPA": ("+OK", "USER", "STLS", "."),
        }
        await _say(stream, *answers.get(verb, ("+OK",)))
        if verb == b"QUIT":
            return None


async def imap(stream: Stream, start_tls: StartTls | None) -> None:
    """A mail box with nothing in it, into which anything may be put (RFC 3501): APPEND's literals are asked for."""
    while line := await stream.line(MAX_LINE_BYTES):
        match = _TAG.match(line)
        tag, verb = (match[1].decode("latin-1"), match[2].upper()) if match else ("*", b"")
        literal = re.search(rb"\{(\d{1,12})(\+?)\}\r?\n$", line)
        while literal:
            if not literal[2]:
                await _say(stream, "+ go on")
            await _skip(stream, int(literal[1]))
            line = await stream.line(MAX_LINE_BYTES)
            literal = re.search(rb"\{(\d{1,12})(\+?)\}\r?\n$", line)
        if verb == b"CAPABILITY":
            await _say(stream, "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LOGIN")
        if verb in (b"SELECT", b"EXAMINE"):
            await _say(stream, "* 0 EXISTS", "* 0 RECENT", "* FLAGS ()", "* OK [UIDVALIDITY 1] ok")
        if verb == b"AUTHENTICATE" and len(line.split()) < 4:
            await _say(stream, "+ ")
            await stream.line(MAX_LINE_BYTES)
        await _say(stream, *(("* BYE",) if verb == b"LOGOUT" else ()), f"{tag} OK done")
        if verb == b"STARTTLS" and start_tls:
            inner = await start_tls(stream)
            return await imap(inner, None) if inner else None
        if verb == b"LOGOUT":
            return None


async def _say(stream: Stream, *lines: str) -> None:
    await stream.write("".join(f"{line}\r\n" for line in lines).encode("latin-1", "replace"))


def _envelope(verb: str, rest: str) -> tuple[str, str]:
    match = _ADDRESS.match(rest)
    return {"MAIL": "MAIL FROM", "RCPT": "RCPT TO"}[verb], match[1] if match else rest.strip()


async def _letter(stream: Stream) -> int:
    """Take a mail until its dot: its bytes, the dot's line not counted."""
    size, complete = 0, True
    while line := await stream.line(MAX_LINE_BYTES):
        if complete and line.rstrip(b"\r\n") == b".":
            break
        complete = line.endswith(b"\n")
        size += len(line)
    return size


async def _password(stream: Stream, words: list[str]) -> None:
    mechanism = words[0].upper() if words else ""
    prompts = {"PLAIN": ("",), "LOGIN": ("Username:", "Password:")}.get(mechanism)
    if prompts is None:
        await _say(stream, "504 no such way")
        return
    for prompt in prompts[len(words) - 1 :]:
        await _say(stream, "334 " + base64.b64encode(prompt.encode()).decode())
        await stream.line(MAX_LINE_BYTES)
    await _say(stream, "235 ok")


async def _skip(stream: Stream, count: int) -> None:
    while count > 0 and (data := await stream.exactly(min(count, MAX_LINE_BYTES))):
        count -= len(data)


def _ftp_answers(verb: str, address: str) -> tuple[str, ...]:
    port = 50_000 + secrets.randbelow(10_000)
    match verb:
        case "USER":
            return ("331 password?",)
        case "PASS":
            return ("230 logged in",)
        case "SYST":
            return ("215 UNIX Type: L8",)
        case "FEAT":
            return ("211-Features:", " EPSV", " PASV", " UTF8", " AUTH TLS", " PBSZ", " PROT", "211 End")
        case "PWD":
            return ('257 "/"',)
        case "MKD":
            return ("257 made",)
        case "PASV" if ":" not in address:
            numbers = [*address.split("."), str(port >> 8), str(port & 255)]
            return (f"227 Entering Passive Mode ({','.join(numbers)}).",)
        case "EPSV":
            return (f"229 Entering Extended Passive Mode (|||{port}|)",)
        case "STOR" | "APPE" | "STOU":
            return ("150 go on", "226 done")
        case "LIST" | "NLST" | "MLSD":
            return ("150 here it comes", "226 done")
        case "RETR" | "SIZE" | "MDTM":
            return ("550 no such file",)
        case "RNFR":
            return ("350 to what?",)
        case "QUIT":
            return ("221 bye",)
        case _:
            return ("200 ok",)
