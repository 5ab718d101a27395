"""The name that a file of the system had before the product linked or renamed it, however that was done.

An overlay copies a file of the layers below before it gives it another name, and keeps the handle of what it copied as
an attribute of the copy (`trusted.overlay.origin`, fs/overlayfs/overlayfs.h), which nobody inside can see or set. The
overlay tells the handle of what a descriptor stands for (name_to_handle_at(2) with AT_HANDLE_FID, Linux 6.6): neither
names nor moments matter, and nothing is opened that is observed.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

AT_EMPTY_PATH, AT_HANDLE_FID = 0x1000, 0x200
MAX_HANDLE_BYTES = 128
OVERLAY = 0xF8
"""The type of an overlay's handles: three bytes of nothing, then as in the attribute."""
MAGIC, IN_UPPER = 0xFB, 4
ATTRIBUTE = "trusted.overlay.origin"
MAX_REMEMBERED = 10_000

_HEAD = struct.Struct("=Ii")
_OWN = struct.Struct("=BBBBB16x")
_libc = ctypes.CDLL(None, use_errno=True)


class Handle(NamedTuple):
    """What names a file of a layer."""

    kind: int
    data: bytes
    in_upper: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder that an overlay shows, held open."""

    folder: str
    descriptor: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One overlay of the chamber."""

    inside: str
    """Where the product has it, without a slash at its end."""
    upper: Layer
    lowers: tuple[Layer, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.upper, *self.lowers


@dataclass(frozen=True, slots=True)
class Origins:
    """Of the files in the chamber's overlays."""

    shown: tuple[Shown, ...]
    """The deepest first."""
    blind_in: tuple[str, ...]
    """Where inside the kernel or a file system does not tell this."""
    _known: dict[tuple[int, int], str | None] = field(default_factory=dict)
    _others: set[int] = field(default_factory=set)
    """Devices that are no overlays: none of their files is asked for twice."""

    @classmethod
    def of(cls, overlays: Iterable[tuple[Path, str, Iterable[Path]]]) -> Origins:
        """From each overlay's upper layer, place inside, and layers below. To be asked before the layers are marked,
        and closed. Raises `OSError`."""
        found = [
            Shown(inside.rstrip("/"), _layer(upper), tuple(_layer(lower) for lower in lowers))
            for upper, inside, lowers in overlays
        ]
        found.sort(key=lambda one: -len(one.inside))
        return cls(tuple(found), tuple(one.inside or "/" for one in found if not _tells(one)))

    @property
    def descriptors(self) -> tuple[int, ...]:
        """To be kept open while it is asked."""
        return tuple(layer.descriptor for one in self.shown for layer in one.layers)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)

    def name(self, descriptor: int, status: os.stat_result, path: str) -> str | None:
        """What the open file, `path` inside, was called before the product came; None if it was not there then; empty
        if it was there, and its name can't be told.

        What an installation left, and a later run begins with, has the name that it has then, unless it is a copy of
        what is still below.
        """
        if status.st_dev in self._others:
            return None
        key = status.st_dev, status.st_ino
        if key not in self._known:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[key] = self._ask(descriptor, status.st_dev, path)
        return self._known[key]

    def _ask(self, descriptor: int, device: int, path: str) -> str | None:
        found = _handle(descriptor, AT_HANDLE_FID)
        if found is not None and found[0] != OVERLAY:
            self._others.add(device)
        handle = _read(found[1][3:]) if found is not None and found[0] == OVERLAY else None
        shown = next((one for one in self.shown if path.startswith(f"{one.inside}/")), None)
        return None if handle is None or shown is None else _first_name(shown, handle)


def _first_name(shown: Shown, handle: Handle | None) -> str | None:
    """Copy for copy, from the topmost layer down."""
    name: str | None = ""
    for _ in shown.layers:
        found = _opened(shown, handle) if handle is not None else None
        if found is None:
            break
        layer, held = found
        try:
            handle = _copied(held)
            if layer is not shown.upper:
                name = _inside(shown, layer, held)
            elif handle is None:
                name = None
        finally:
            os.close(held)
    return name


def _layer(folder: Path) -> Layer:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return Layer(os.readlink(f"/proc/self/fd/{descriptor}").rstrip("/"), descriptor)


def _tells(shown: Shown) -> bool:
    """Whether the layer at the bottom has handles that can be followed: else no copy says what it is one of."""
    handle = _handle(shown.lowers[-1].descriptor, 0)
    try:
        if handle is None:
            return False
        os.close(_open(shown.lowers[-1], Handle(*handle, in_upper=False)))
    except OSError:
        return False
    return _handle(shown.lowers[-1].descriptor, AT_HANDLE_FID) is not None


def _handle(descriptor: int, flags: int) -> tuple[int, bytes] | None:
    """Type and bytes of the handle; None where there is none."""
    answer = ctypes.create_string_buffer(_HEAD.pack(MAX_HANDLE_BYTES, 0), _HEAD.size + MAX_HANDLE_BYTES)
    mount = ctypes.c_int()
    if _libc.name_to_handle_at(descriptor, b"", answer, ctypes.byref(mount), AT_EMPTY_PATH | flags) < 0:
        return None
    size, kind = _HEAD.unpack_from(answer.raw)
    return kind, answer.raw[_HEAD.size : _HEAD.size + size]


def _read(data: bytes) -> Handle | None:
    """struct ovl_fb."""
    if len(data) < _OWN.size:
        return None
    version, magic, size, flags, kind = _OWN.unpack_from(data)
    if (version, magic) != (0, MAGIC):
        return None
    return Handle(kind, data[_OWN.size : size], bool(flags & IN_UPPER))


def _open(layer: Layer, handle: Handle) -> int:
    """Not for reading: this makes no event, wherever it leads."""
    question = ctypes.create_string_buffer(_HEAD.pack(len(handle.data), handle.kind) + handle.data)
    descriptor = _libc.open_by_handle_at(layer.descriptor, question, os.O_PATH | os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return int(descriptor)


def _opened(shown: Shown, handle: Handle) -> tuple[Layer, int] | None:
    """The layer that has it, and the file; None if none has."""
    for layer in (shown.upper,) if handle.in_upper else shown.lowers:
        try:
            held = _open(layer, handle)
        except OSError:
            continue  # of another file system
        if handle.in_upper or _path(layer, held) is not None:
            return layer, held
        os.close(held)
    return None


def _copied(held: int) -> Handle | None:
    """What it is a copy of."""
    try:
        return _read(os.getxattr(f"/proc/self/fd/{held}", ATTRIBUTE))
    except OSError:
        return None


def _path(layer: Layer, held: int) -> str | None:
    """Its path in the layer; None if it has none there, or the kernel does not know it."""
    path = os.readlink(f"/proc/self/fd/{held}")
    if not path.startswith(f"{layer.folder}/"):
        return None
    try:
        found, meant = os.lstat(path), os.fstat(held)
    except OSError:
        return None
    return path[len(layer.folder) :] if (found.st_dev, found.st_ino) == (meant.st_dev, meant.st_ino) else None


def _inside(shown: Shown, layer: Layer, held: int) -> str:
    path = _path(layer, held)
    return f"{shown.inside}{path}" if path is not None else ""
