"""The rules in use on this machine: the base pack and what was added, merged into one pack file that is
rebuilt whenever what it was made from has changed."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import msgspec

from overt import __version__
from overt.core.errors import PackError
from overt.engine.matcher import ENGINE
from overt.engine.pack import Pack, dump, load
from overt.rules.compile import RuleText, Tell, build, silent
from overt.store import atomic
from overt.store.paths import paths

BASE = "base"
LICENCE = "Apache-2.0"
FORMAT = "1"
"""Raised when packs must be rebuilt although their sources are the same."""


def load_active(tell: Tell = silent) -> Pack:
    """The pack to scan with, built first when missing or out of date; `tell` hears how far that is.

    Where the data folder cannot be written the pack is built in memory. Raises `PackError`.
    """
    texts = base_texts()
    fingerprint = _fingerprint(texts)
    path = paths().data / "active.pack"
    known = _stored(path)
    if known is not None and known.fingerprint == fingerprint:
        return known
    built = build(texts, (f"{BASE} {__version__}",), tell)
    pack = msgspec.structs.replace(built.pack, fingerprint=fingerprint)
    _keep(path, pack)
    return pack


def base_texts() -> list[RuleText]:
    """The base pack's sources, which come with the program."""
    folder = resources.files("overt.rules") / BASE
    if not folder.is_dir():
        return []
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yar")), key=lambda x: x.name)
    return [RuleText(BASE, file.name, file.read_text("utf-8"), "Overt", LICENCE) for file in files]


def _fingerprint(texts: list[RuleText]) -> str:
    digest = hashlib.sha256(f"{FORMAT}\0{__version__}\0{ENGINE}".encode())
    for text in texts:
        for part in (text.pack, text.source, text.author, text.licence, text.text):
            digest.update(len(part).to_bytes(8, "little") + part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _stored(path: Path) -> Pack | None:
    try:
        return load(path.read_bytes(), str(path))
    except (OSError, PackError):
        return None


def _keep(path: Path, pack: Pack) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic.write(path, dump(pack))
    except OSError:
        return
