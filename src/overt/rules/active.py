"""The rules in use on this machine: the base pack and the sets that were added, merged into one pack file that is
rebuilt whenever what it was made from has changed."""

from __future__ import annotations

import hashlib
import mmap
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from overt import __version__
from overt.core.errors import PackError
from overt.engine.hashset import HashFile, HashSets
from overt.engine.matcher import ENGINE
from overt.engine.pack import Pack, dump, load
from overt.rules import added
from overt.rules.compile import RuleText, Tell, build, silent
from overt.store import atomic
from overt.store.paths import paths

BASE = "base"
LICENCE = "Apache-2.0"
FORMAT = "2"
"""Raised when packs must be rebuilt although their sources are the same."""
PACK_FILE = "active.pack"


def load_active(tell: Tell = silent) -> Pack:
    """The pack to scan with, built first when missing or out of date; `tell` hears how far that is.

    Where the data folder can't be written the pack is built in memory. Raises `PackError` when an added set is
    damaged.
    """
    data = paths().data
    base = base_texts()
    sets = _present(data)
    fingerprint = _fingerprint(base, [f"{name}\0{identity}" for name, identity in sets.items()])
    known = _stored(data / PACK_FILE)
    if known is not None and known.fingerprint == fingerprint:
        return known
    texts = [*base, *(text for name in sets for text in added_texts(added.read(data, name)))]
    built = build(texts, (f"{BASE} {__version__}", *sets), tell)
    pack = msgspec.structs.replace(built.pack, fingerprint=fingerprint)
    _keep(data / PACK_FILE, pack)
    return pack


def load_hashes() -> HashSets:
    """The hash sets to scan with, mapped into memory. Raises `PackError` when one is damaged."""
    mapped = (_mapped(path) for path in added.hash_paths(paths().data))
    return HashSets(file for file in mapped if file is not None)


def base_texts() -> list[RuleText]:
    """The base pack's sources, which come with the program."""
    files = sorted((Path(__file__).parent / BASE).glob("*.yar"))
    return [RuleText(BASE, file.name, file.read_text("utf-8"), "Overt", LICENCE) for file in files]


def added_texts(stored: added.Added) -> list[RuleText]:
    """The sources of an added set."""
    whole = partial(RuleText, stored.name, author=stored.author, licence=stored.licence)
    return [whole(source, text) for source, text in stored.texts.items()]


def forget() -> None:
    """Make the next `load_active` build the pack anew."""
    (paths().data / PACK_FILE).unlink(missing_ok=True)


def _present(data: Path) -> dict[str, str]:
    """Name → identity of the added sets; one that is being removed at this moment is left out."""
    found = {}
    for name in added.names(data):
        with suppress(FileNotFoundError):
            found[name] = added.identity(data, name)
    return found


def _mapped(path: Path) -> HashFile | None:
    """The hash file; None when its set was removed at this moment."""
    try:
        with open(path, "rb") as file:
            return HashFile(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), str(path))
    except FileNotFoundError:
        return None
    except ValueError:  # an empty file can't be mapped
        raise PackError(f"{path} is empty: remove and add its rule set again") from None


def _fingerprint(texts: list[RuleText], sets: list[str]) -> str:
    digest = hashlib.sha256()
    for part in (FORMAT, __version__, ENGINE, *sets):
        digest.update(f"{len(part)}:{part}".encode())
    for text in texts:
        for part in (text.source, text.text):
            digest.update(f"{len(part)}:{part}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _stored(path: Path) -> Pack | None:
    try:
        return load(path.read_bytes(), str(path))
    except (OSError, PackError):
        return None


def _keep(path: Path, pack: Pack) -> None:
    """Store the pack for the next time; without the right to write, it is built again then."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic.write(path, dump(pack))
    except OSError:
        return
