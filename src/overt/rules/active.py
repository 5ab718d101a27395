"""The rules in use on this machine: the base pack, the sets that were added and the channels' releases, merged into one
pack file that is rebuilt whenever what it was made from has changed."""

from __future__ import annotations

import hashlib
import mmap
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from overt import __version__
from overt.core.errors import PackError
from overt.engine.hashset import HashFile, HashSets
from overt.engine.matcher import ENGINE
from overt.engine.pack import Pack, dump, load
from overt.rules import added, subscribed
from overt.rules.building import Builder
from overt.rules.compile import RuleText, Tell, build, silent
from overt.rules.subscribed import ChannelSet, Index
from overt.store import atomic
from overt.store.paths import paths

BASE = "base"
LICENCE = "Apache-2.0"
FORMAT = "3"
"""Raised when packs must be rebuilt although their sources are the same."""
PACK_FILE = "active.pack"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the pack in use is made from; `fingerprint` changes whenever any of it does."""

    data: Path
    index: Index
    base: tuple[RuleText, ...]
    sets: tuple[str, ...]
    """Names of the added sets."""
    fingerprint: str

    @property
    def names(self) -> tuple[str, ...]:
        """The packs that are merged."""
        return (f"{BASE} {__version__}", *self.sets, *(one.pack for one, _ in self._channels()))

    @property
    def place(self) -> Path:
        """Where the pack is kept: with the channels when there are any, since what updates them writes nowhere else."""
        return _places(self.data)[bool(self.index.channels)]

    def texts(self, staged: ChannelSet | None = None) -> list[RuleText]:
        """All rules; `staged` is read from memory. Raises `PackError` when a set is damaged."""
        texts = list(self.base)
        for name in self.sets:
            texts.extend(added_texts(added.read(self.data, name)))
        for one, place in self._channels():
            known = staged is not None and staged.pack == one.pack
            texts.extend((staged if staged and known else subscribed.read_set(place)).rule_texts())
        return texts

    def _channels(self) -> list[tuple[subscribed.Subscription, Path]]:
        return subscribed.active(self.data, self.index)


def recipe(data: Path, index: Index | None = None, staged: str = "", staged_pack: str = "") -> Recipe:
    """What the pack is made from now; or will be, with another `index`, in which the channel set `staged_pack` is not
    on disk yet and has the identity `staged`. Raises `PackError`."""
    index = subscribed.read_index(data) if index is None else index
    base = base_texts()
    sets = _present(data)
    channels = [
        f"{one.pack}\0{staged if one.pack == staged_pack else subscribed.identity(place)}"
        for one, place in subscribed.active(data, index)
    ]
    named = [*(f"{name}\0{identity}" for name, identity in sets.items()), *channels]
    return Recipe(data, index, tuple(base), tuple(sets), _fingerprint(base, named))


def load_active(tell: Tell = silent, builder: Builder | None = None) -> Pack:
    """The pack to scan with, built first when missing or out of date; `tell` hears how far that is.

    Where there are channels `builder` compiles, in a confined process: other people's rules aren't compiled here.
    Where the data folder can't be written the pack is built in memory. Raises `PackError` when an added set or a
    channel's release is damaged.
    """
    wanted = recipe(paths().data)
    known = _stored(wanted.place)
    if known is not None and known.fingerprint == wanted.fingerprint:
        return known
    if not wanted.index.channels:
        builder = build
    elif builder is None:
        raise PackError(
            "the rules of channels are compiled by a confined process only: run 'overt rules rebuild'"
        )
    pack = finished(wanted, builder(wanted.texts(), wanted.names, tell).pack)
    with suppress(OSError):  # built again the next time
        keep(wanted, pack)
    return pack


def finished(wanted: Recipe, pack: Pack) -> Pack:
    """The pack made from the recipe, marked as such."""
    return msgspec.structs.replace(pack, names=wanted.names, fingerprint=wanted.fingerprint)


def keep(wanted: Recipe, pack: Pack) -> None:
    """Store the pack for the next time. Raises `OSError`."""
    wanted.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write(wanted.place, dump(pack))


def load_hashes() -> HashSets:
    """The hash sets to scan with, mapped into memory. Raises `PackError` when one is damaged."""
    data = paths().data
    places = subscribed.active(data, subscribed.read_index(data))
    of_channels = [path for _, place in places for path in subscribed.hash_paths(place)]
    mapped = (_mapped(path) for path in (*added.hash_paths(data), *of_channels))
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
    for place in _places(paths().data):
        place.unlink(missing_ok=True)


def _places(data: Path) -> tuple[Path, Path]:
    """Where the pack is kept without and with channels."""
    return data / PACK_FILE, subscribed.folder(data) / PACK_FILE


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
