"""Outlook messages in OLE compound files ([MS-OXMSG]): attachments under their names, bodies, embedded messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.engine.unpack import cfb, compound, lzfu
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.olepackage import from_native_stream

_MARK = "__properties_version1.0".encode("utf-16-le")
_PROPERTY = re.compile(r"(?:(.*)/)?__substg1\.0_([0-9A-F]{4})([0-9A-F]{4})", re.IGNORECASE | re.DOTALL)
_ATTACHMENT = re.compile(r"__attach_version1\.0_#[0-9A-F]{8}", re.IGNORECASE)
_DATA, _LONG_NAME, _SHORT_NAME = "3701", "3707", "3704"
_BODIES = {"1000": "body.txt", "1009": "body.rtf", "1013": "body.html"}
_UNICODE = "001F"


def sniff(data: bytes) -> bool:
    """Whether the directory names the property stream that every message has."""
    return _MARK in data


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Attachments under their names, bodies decoded, every other stream as it is. Raises `Damaged` when the
    compound file cannot be read."""
    streams = {child.name: child.data for child in cfb.unpack(data, room)}
    names = _attachment_names(streams)
    for path, stream in streams.items():
        yield from _member(path, stream, names, room)


def _attachment_names(streams: dict[str, bytes]) -> dict[str, str]:
    """Attachment's storage → its name, the long one if there is one."""
    names: dict[str, str] = {}
    for wanted in (_SHORT_NAME, _LONG_NAME):
        for path, stream in streams.items():
            match = _PROPERTY.fullmatch(path)
            if match and match[2] == wanted:
                text = _text(stream, match[3]).replace("\\", "/").rsplit("/", 1)[-1]
                names[match[1] or ""] = text or names.get(match[1] or "", "")
    return names


def _member(path: str, stream: bytes, names: dict[str, str], room: Room) -> Iterator[Child]:
    match = _PROPERTY.fullmatch(path)
    folder = _readable((match[1] or "") if match else path, names)
    if match and match[2] == _DATA:
        yield Child(folder or path, stream)
    elif match and match[2] in _BODIES and not _ATTACHMENT.fullmatch((match[1] or "").rsplit("/", 1)[-1]):
        name = "/".join(filter(None, (folder, _BODIES[match[2]])))
        if match[2] == "1009":
            yield Child(name, room.gather(lzfu.decompress(stream), name))
        elif match[3].upper() == _UNICODE:
            text = _text(stream, match[3]).encode("utf-8", "replace")
            yield Child(name, room.gather(iter((text,)), name))
        else:
            yield Child(name, stream)
    else:
        yield Child(path, stream)
        if path.lower().endswith("ole10native") and (packed := from_native_stream(stream)):
            yield Child(packed.name, room.gather(iter((packed.data,)), packed.name))


def _readable(folder: str, names: dict[str, str]) -> str:
    """A storage's path with the attachments' own names in it: an embedded message shows as a folder."""
    parts, so_far = [], ""
    for part in folder.split("/"):
        so_far = f"{so_far}/{part}" if so_far else part
        if _ATTACHMENT.fullmatch(part):
            parts.append(names.get(so_far) or part.rsplit("#", 1)[-1])
    return "/".join(parts)


def _text(stream: bytes, type_: str) -> str:
    return stream.decode("utf-16-le" if type_.upper() == _UNICODE else "cp1252", "replace").rstrip("\0")


FORMATS = (Format("outlook", "Outlook messages (msg)", (Magic(0, compound.MAGIC),), sniff, unpack),)
