"""What a step changed: the upper layers, homes and temporary folders of the chamber, compared with how they were.

An overlay's upper layer holds what was written, whole: what it has and the layers below don't was added; a whiteout or
an opaque folder stands for what was removed (kernel documentation, filesystems/overlayfs).
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from overt.conduct.chamber import privileges
from overt.conduct.evidence.records import Change, Changed
from overt.conduct.observe import certificates
from overt.conduct.observe.manifest import Entry, Manifest, Walk
from overt.conduct.observe.tally import printable

MAX_REMOVED = 10_000
"""Paths named of one folder that was removed; the folder itself is always named."""
SPECIAL = ((stat.S_ISUID, "set-user-ID"), (stat.S_ISGID, "set-group-ID"))


@dataclass(frozen=True, slots=True)
class Place:
    """One folder of the chamber that the product may write to."""

    folder: Path
    """As the lab reaches it: for an overlay its upper layer, else the folder itself."""
    inside: str
    """As the product sees it."""
    lowers: tuple[Path, ...] = ()
    """For an overlay: the layers below, topmost first."""


@dataclass(slots=True)
class ChangeObserver:
    """Compares `places` from step to step. `ignored` are paths, as the product sees them, that the lab changes."""

    places: tuple[Place, ...]
    ignored: Collection[str] = ()
    _last: dict[Place, Manifest] = field(default_factory=dict)
    too_deep: int = 0
    """Folders that were not looked into, as they lie too deep."""

    def rebase(self) -> None:
        """What is there now is how things were: after what the lab itself did. Raises `OSError`."""
        for place in self.places:
            self._last[place] = self._now(place)

    def step(self, number: int) -> list[Change]:
        """What changed since the last time, for step `number`, by path. Raises `OSError`."""
        found: list[Change] = []
        for place in self.places:
            before, after = self._last[place], self._now(place)
            found += _Comparison(place, before, after, number).changes()
            self._last[place] = after
        return sorted((change for change in found if not self._is_ignored(change.path)), key=_path)

    def _now(self, place: Place) -> Manifest:
        walk = Walk(self._last.get(place, {}))
        manifest = walk.manifest(place.folder)
        self.too_deep += walk.too_deep
        return manifest

    def _is_ignored(self, path: str) -> bool:
        return any(path == own or path.startswith(f"{own}/") for own in self.ignored)


@dataclass(frozen=True, slots=True)
class _Comparison:
    place: Place
    before: Manifest
    after: Manifest
    step: int

    def changes(self) -> Iterator[Change]:
        """Each path once."""
        for path, entry in self.after.items():
            old = self.before.get(path)
            if old is entry or (old is not None and old == entry):
                continue
            yield from self._one(path, old, entry)
        for path, entry in self.before.items():
            if path not in self.after:
                yield from self._vanished(path, entry)

    def _one(self, path: str, old: Entry | None, entry: Entry) -> Iterator[Change]:
        if entry.whiteout:
            known = self._known(path, old)
            if known is not None and (old is None or not old.whiteout):
                yield from self._removed(path, known)
            return
        known = self._known(path, old)
        if (
            entry.opaque
            and known is not None
            and known.kind == "folder"
            and not (old is not None and old.opaque)
        ):
            yield from self._hidden(path)
        if known is None:
            yield self._change(path, entry, Changed.ADDED, _special(entry) or _names(entry))
        elif known.kind != entry.kind or _content(known) != _content(entry):
            yield self._change(path, entry, Changed.MODIFIED, _differences(known, entry))
        elif detail := _differences(known, entry):
            yield self._change(path, entry, Changed.ATTRIBUTES, detail)

    def _known(self, path: str, old: Entry | None) -> Entry | None:
        """What the product saw at this path before; None for nothing."""
        if old is not None:
            return None if old.whiteout else old
        if any(
            (above := self.before.get(folder)) and (above.whiteout or above.opaque) for folder in _above(path)
        ):
            return None
        return self._below(path)

    def _below(self, path: str) -> Entry | None:
        """What the layers below have, as their overlay shows it."""
        for layer in self.place.lowers:
            found = _single(layer, path)
            if found is not None:
                return None if found.whiteout else found
            if any(
                (above := _single(layer, folder)) and (above.whiteout or above.opaque)
                for folder in _above(path)
            ):
                return None
        return None

    def _vanished(self, path: str, entry: Entry) -> Iterator[Change]:
        """It was in the folder. In an upper layer: what it covered, if anything, is seen again."""
        below = self._below(path) if self.place.lowers else None
        if entry.whiteout:
            if below is not None:
                yield self._change(path, below, Changed.ADDED, "")
        elif below is None and not self._reported(path):
            yield self._change(path, entry, Changed.REMOVED, "")

    def _reported(self, path: str) -> bool:
        """Whether a whiteout says the same."""
        now = self.after.get(path)
        return now is not None and now.whiteout

    def _removed(self, path: str, known: Entry) -> Iterator[Change]:
        yield self._change(path, known, Changed.REMOVED, "")
        if known.kind == "folder":
            yield from self._hidden(path)

    def _hidden(self, path: str) -> Iterator[Change]:
        """What lay in a folder that was removed, or replaced by another."""
        seen: set[str] = set()
        for layer in self.place.lowers:
            above = _single(layer, path)
            if above is None or above.kind != "folder":
                continue
            for inner, entry in Walk(digests=False).below(layer / path):
                whole = f"{path}/{inner}"
                if (
                    whole not in seen
                    and not entry.whiteout
                    and whole not in self.after
                    and len(seen) < MAX_REMOVED
                ):
                    seen.add(whole)
                    yield self._change(whole, entry, Changed.REMOVED, "")

    def _change(self, path: str, entry: Entry, changed: Changed, detail: str) -> Change:
        gone = changed is Changed.REMOVED
        return Change(
            step=self.step,
            path=printable(f"{self.place.inside.rstrip('/')}/{path}".rstrip("/") or "/"),
            changed=changed,
            kind=entry.kind,
            size=0 if gone else entry.size,
            sha256="" if gone else entry.sha256,
            detail=printable(detail),
            mark="" if gone else entry.mark,
            tokens=() if gone else entry.tokens,
        )


def _single(layer: Path, path: str) -> Entry | None:
    """One path of a layer that nobody writes to; None if it is not there."""
    return Walk().single(layer, path)


def _above(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, without the topmost."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _content(entry: Entry) -> tuple[str, str, int]:
    return entry.sha256, entry.target, entry.size if not entry.sha256 else 0


def _differences(old: Entry, new: Entry) -> str:
    """What changed beside the content, in words; and which certificates came or went with the content."""
    parts: list[str] = []
    if old.kind != new.kind:
        parts.append(f"was a {old.kind}")
    if old.target != new.target:
        parts.append(f"target {old.target or 'none'} → {new.target or 'none'}")
    if old.mode != new.mode and new.kind != "link":
        parts.append(f"mode {old.mode:04o} → {new.mode:04o}")
    if old.owner != new.owner:
        parts.append(f"owner {old.owner[0]}:{old.owner[1]} → {new.owner[0]}:{new.owner[1]}")
    parts += [f"{word}" for bit, word in SPECIAL if new.mode & bit and not old.mode & bit]
    parts += _attributes(old.shown_attributes, new.shown_attributes)
    if changed := certificates.difference(old.certificates, new.certificates):
        parts.append(changed)
    return "; ".join(parts)


def _attributes(old: dict[str, bytes], new: dict[str, bytes]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            if name == "security.capability":
                yield f"capabilities {_file_capabilities(new.get(name, b''))}"
            else:
                yield f"attribute {name} {'removed' if name not in new else 'set'}"


def _file_capabilities(value: bytes) -> str:
    """struct vfs_cap_data: a word of version and flags, then permitted and inheritable bits, low and high."""
    words = [int.from_bytes(value[at : at + 4], "little") for at in range(4, len(value), 4)]
    permitted = (words[0] if words else 0) | ((words[2] << 32) if len(words) > 2 else 0)
    return " ".join(privileges.names(permitted)) or "none"


def _special(entry: Entry) -> str:
    """What is remarkable about a new file."""
    parts = [word for bit, word in SPECIAL if entry.kind == "file" and entry.mode & bit]
    parts += _attributes({}, entry.shown_attributes)
    return "; ".join(parts)


def _names(entry: Entry) -> str:
    if entry.kind == "link":
        return f"target {entry.target}"
    return certificates.difference({}, entry.certificates)


def _path(change: Change) -> tuple[str, str]:
    return change.path, change.changed
