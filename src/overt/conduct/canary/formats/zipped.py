"""Zip containers (PKWARE APPNOTE 6.3.10) with a fixed date: for archives, Office Open XML and OpenDocument."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from io import BytesIO
from typing import NamedTuple

from overt.conduct.canary.formats.base import EPOCH


class Member(NamedTuple):
    """One member; `stored`: as it is, so that its noise lies in the container as it is."""

    name: str
    data: bytes
    stored: bool = False


def container(members: Iterable[Member]) -> bytes:
    """A zip file of `members`, in their order."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, EPOCH)
            entry.compress_type = zipfile.ZIP_STORED if member.stored else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, member.data)
    return target.getvalue()
