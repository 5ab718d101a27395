"""TNEF (`winmail.dat`, [MS-OXTNEF]): Outlook's attachments, embedded messages and bodies."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from overt.core.errors import Damaged
from overt.engine.unpack import lzfu
from overt.engine.unpack.base import Child, Format, Magic, Room

_SIGNATURE = b"\x78\x9f\x3e\x22"
_BODY, _MESSAGE_PROPERTIES = 0x800C, 0x9003
_TITLE, _DATA, _RENDERING, _ATTACHMENT_PROPERTIES = 0x8010, 0x800F, 0x9002, 0x9005
_PLAIN_TEXT, _RTF, _HTML = 0x1000, 0x1009, 0x1013
_OBJECT, _SHORT_NAME, _LONG_NAME = 0x3701, 0x3704, 0x3707
_FIXED_BYTES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""Size of a MAPI value by its type ([MS-OXCDATA] 2.11.1), padded to four bytes as TNEF does."""
_TEXT_8, _TEXT_16, _BINARY, _EMBEDDED = 0x1E, 0x1F, 0x102, 0x0D
_MULTIPLE = 0x1000
_INTERFACE_BYTES = 16


@dataclass(slots=True)
class _Attachment:
    title: str = ""
    long_name: str = ""
    data: bytes = b""
    embedded: bytes = b""


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Attachments under their long names, objects, and the message's bodies. Raises `Damaged` when an attribute is
    cut short."""
    attachments: list[_Attachment] = []
    damage: Damaged | None = None
    attributes = _attributes(data)
    while True:
        try:
            kind, value = next(attributes)
        except StopIteration:
            break
        except Damaged as error:
            damage = error
            break
        if kind == _RENDERING or (not attachments and kind in (_TITLE, _DATA, _ATTACHMENT_PROPERTIES)):
            attachments.append(_Attachment())
        if kind in (_BODY, _MESSAGE_PROPERTIES):
            yield from _bodies(kind, value, room)
        elif attachments:
            _collect(attachments[-1], kind, value)
    for number, attachment in enumerate(attachments, 1):
        name = attachment.long_name or attachment.title or f"attachment {number}"
        for content in (attachment.data, attachment.embedded):
            if content:
                yield Child(name, room.gather(iter((content,)), name))
    if damage is not None:
        raise damage


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(attribute's number, value): level, identifier, size, value, check sum ([MS-OXTNEF] 2.1.3)."""
    position = 6
    while position < len(data) and data[position] in (1, 2):
        if position + 9 > len(data):
            raise Damaged("an attribute's header is cut short")
        identifier, size = struct.unpack_from("<II", data, position + 1)
        value = data[position + 9 : position + 9 + size]
        yield identifier & 0xFFFF, value
        if len(value) < size:
            raise Damaged("an attribute is cut short")
        position += 11 + size


def _collect(attachment: _Attachment, kind: int, value: bytes) -> None:
    if kind == _TITLE:
        attachment.title = _text(value, _TEXT_8)
    elif kind == _DATA:
        attachment.data = value
    elif kind == _ATTACHMENT_PROPERTIES:
        for number, type_, content in _properties(value):
            if number == _LONG_NAME or (number == _SHORT_NAME and not attachment.long_name):
                attachment.long_name = _text(content, type_)
            elif number == _OBJECT:
                attachment.embedded = content[_INTERFACE_BYTES:] if type_ == _EMBEDDED else content


def _bodies(kind: int, value: bytes, room: Room) -> Iterator[Child]:
    if kind == _BODY:
        yield Child("body.txt", room.gather(iter((value.rstrip(b"\0"),)), "body.txt"))
        return
    for number, type_, content in _properties(value):
        if number == _RTF:
            yield Child("body.rtf", room.gather(lzfu.decompress(content), "body.rtf"))
        elif number == _HTML:
            yield Child("body.html", room.gather(iter((content,)), "body.html"))
        elif number == _PLAIN_TEXT:
            text = _text(content, type_).encode("utf-8", "replace")
            yield Child("body.txt", room.gather(iter((text,)), "body.txt"))


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(number, type, first value) of a MAPI property list ([MS-OXTNEF] 2.1.3.4), as far as it can be followed."""
    position = 4
    while position + 4 <= len(data):
        type_, number = struct.unpack_from("<HH", data, position)
        position += 4
        if number >= 0x8000:
            position = _after_name(data, position)
        single = type_ & ~_MULTIPLE
        variable = single in (_TEXT_8, _TEXT_16, _BINARY, _EMBEDDED)
        if (not variable and single not in _FIXED_BYTES) or position + 4 > len(data):
            return
        count = 1
        if variable or type_ & _MULTIPLE:
            (count,) = struct.unpack_from("<I", data, position)
            position += 4
        for index in range(count):
            if position + 4 > len(data):
                return
            size = struct.unpack_from("<I", data, position)[0] if variable else _FIXED_BYTES[single]
            position += 4 * variable
            if index == 0:
                yield number, single, data[position : position + size]
            position += (size + 3) // 4 * 4


def _after_name(data: bytes, position: int) -> int:
    """Skip a named property's GUID and name."""
    if position + 24 > len(data):
        return len(data)
    kind, size = struct.unpack_from("<II", data, position + 16)
    return position + 24 + ((size + 3) // 4 * 4 if kind == 1 else 0)


def _text(value: bytes, type_: int) -> str:
    return value.decode("utf-16-le" if type_ == _TEXT_16 else "cp1252", "replace").rstrip("\0")


FORMATS = (Format("tnef", "Outlook's winmail.dat ([MS-OXTNEF])", (Magic(0, _SIGNATURE),), unpack=unpack),)
