"""Installers of the Nullsoft Scriptable Install System: a Windows program with the packed files after it."""

from __future__ import annotations

from pybit7z import FormatNsis

from overt.engine.unpack.base import Format
from overt.engine.unpack.sevenzip import reads

_SIGNATURE = b"\xef\xbe\xad\xdeNullsoftInst"


def _sniff(data: bytes) -> bool:
    """The first header's signature at its place in a bare one, or anywhere in a program."""
    return data.startswith(_SIGNATURE, 4) or (data.startswith(b"MZ") and _SIGNATURE in data)


FORMATS = (Format("nsis", "NSIS installers", sniff=_sniff, unpack=reads(FormatNsis, one_pass=True)),)
