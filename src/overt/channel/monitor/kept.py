"""What a client can tell of a rule without any monitor: from the verified releases that it keeps, at most three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from tuf.api.metadata import Root, Targets

from overt.channel import layout
from overt.channel.client.place import BUNDLE, METADATA, RELEASE
from overt.channel.monitor.answer import SCHEMA, History, Item, Step
from overt.channel.monitor.changes import What
from overt.channel.monitor.inspect import signed
from overt.channel.monitor.moment import moment
from overt.channel.monitor.readers import MonitorReaders
from overt.channel.monitor.record import Event, Signer
from overt.channel.monitor.site.look import step
from overt.channel.publisher.roles import parse, root_charter
from overt.channel.release import parse as parse_release
from overt.core.errors import ChannelError, LogError
from overt.rules import subscribed
from overt.rules.subscribed import Installed, Subscription
from overt.sandbox.expendable import WorkerDied

KEPT = "kept"
"""A step's `what` for a rule that the oldest release on this machine already has."""


@dataclass(frozen=True, slots=True)
class _Release:
    """One release as it lies on this machine; `bundle` is uncompressed."""

    serial: int
    installed: str
    bundle: bytes
    signers: tuple[Signer, ...]
    origin: str


def histories(data: Path, name: str, confined: bool = True) -> tuple[History, ...]:
    """What became of `name` in each channel of this machine whose releases know it; `data` is the data folder.

    Bundles are read by expendable processes. Raises `ChannelError` when a kept release can't be read, `PackError` for a
    damaged index, `ConfinementError`.
    """
    channels = subscribed.read_index(data).channels
    if not channels:
        return ()
    readers = MonitorReaders(confined, dynamic=False)
    try:
        found = [_history(data, one, name, readers) for one in channels]
    finally:
        readers.close()
    return tuple(one for one in found if one.items)


def _history(data: Path, channel: Subscription, name: str, readers: MonitorReaders) -> History:
    present = (channel.previous, channel.current, channel.newest)
    installed = {one.serial: one for one in present if one}
    kept = [
        _read(subscribed.release_folder(data, channel.name, one), one, readers)
        for _, one in sorted(installed.items())
    ]
    steps: dict[str, list[Step]] = {}
    last: dict[str, Event] = {}
    for before, now in zip([None, *kept], kept):
        for event in _events(before, now, readers):
            if event.name == name:
                steps.setdefault(event.item, []).append(_step(event, before, now))
                last[event.item] = event
    items = tuple(_item(steps[id], last[id]) for id in steps)
    return History(SCHEMA, channel.name, kept[-1].origin if kept else "", name, items)


def _events(before: _Release | None, now: _Release, readers: MonitorReaders) -> tuple[Event, ...]:
    try:
        return readers.compare(now.serial, before.bundle if before else None, now.bundle).events
    except (LogError, WorkerDied) as error:
        raise ChannelError(f"release {now.serial} can't be read ({error})") from None


def _step(event: Event, before: _Release | None, now: _Release) -> Step:
    told = step(event, now.signers, now.installed)
    if before is None:
        return replace(told, what=KEPT if now.serial else told.what)
    return replace(told, known_before=before.serial)


def _item(steps: list[Step], last: Event) -> Item:
    kind = "rule" if last.is_rule else "hashes"
    return Item(kind, last.part, last.what != What.VANISHED.value, tuple(steps))


def _read(folder: Path, installed: Installed, readers: MonitorReaders) -> _Release:
    try:
        release = parse_release((folder / RELEASE).read_bytes())
        bundle = readers.unpack((folder / BUNDLE).read_bytes(), release.bundles[layout.TARGET])
        root = parse((folder / METADATA / "root.json").read_bytes(), Root, "root")
        targets = parse((folder / METADATA / "targets.json").read_bytes(), Targets, "targets")
    except (OSError, LogError, KeyError, WorkerDied) as error:
        raise ChannelError(
            f"{folder} can't be read ({error}): 'overt update' fetches the release anew"
        ) from None
    signers: Iterator[Signer] = signed("targets", root.signed, targets)
    return _Release(
        release.serial,
        moment(installed.installed_s),
        bundle,
        (*signers, *signed("root", root.signed, root)),
        root_charter(root.signed).origin,
    )
