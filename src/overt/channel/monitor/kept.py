"""What a client can tell of a rule without any monitor: from the verified releases that it keeps, at most three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from tuf.api.metadata import Root, Targets

from overt.channel import bundle as bundles
from overt.channel import delta, layout
from overt.channel.bundle import Bundle
from overt.channel.client.place import BUNDLE, METADATA, RELEASE
from overt.channel.monitor.answer import SCHEMA, History, Item, Step
from overt.channel.monitor.changes import Change, What, changes
from overt.channel.monitor.inspect import signed
from overt.channel.monitor.moment import moment
from overt.channel.monitor.record import Signer, event_of
from overt.channel.monitor.site.look import step
from overt.channel.publisher.roles import parse, root_charter
from overt.channel.release import parse as parse_release
from overt.core.errors import ChannelError, LogError
from overt.rules import subscribed
from overt.rules.subscribed import Installed, Subscription

KEPT = "kept"
"""A step's `what` for a rule that the oldest release on this machine already has."""


@dataclass(frozen=True, slots=True)
class _Release:
    """One release as it lies on this machine."""

    serial: int
    installed: str
    bundle: Bundle
    signers: tuple[Signer, ...]
    origin: str


def histories(data: Path, name: str) -> tuple[History, ...]:
    """What became of `name` in each channel of this machine whose releases know it; `data` is the data folder.

    Raises `ChannelError` when a kept release can't be read, `PackError` for a damaged index.
    """
    found = (_history(data, one, name) for one in subscribed.read_index(data).channels)
    return tuple(one for one in found if one.items)


def _history(data: Path, channel: Subscription, name: str) -> History:
    present = (channel.previous, channel.current, channel.newest)
    installed = {one.serial: one for one in present if one}
    kept = [
        _read(subscribed.release_folder(data, channel.name, one), one) for _, one in sorted(installed.items())
    ]
    steps: dict[str, list[Step]] = {}
    parts: dict[str, Change] = {}
    for before, now in zip([None, *kept], kept):
        for change in changes(before.bundle if before else None, now.bundle):
            if change.item.name == name:
                steps.setdefault(change.item.id, []).append(_step(change, before, now))
                parts[change.item.id] = change
    items = tuple(_item(steps[id], parts[id]) for id in steps)
    return History(SCHEMA, channel.name, kept[-1].origin if kept else "", name, items)


def _step(change: Change, before: _Release | None, now: _Release) -> Step:
    told = step(event_of(now.serial, change), now.signers, now.installed)
    if before is None:
        return replace(told, what=KEPT if now.serial else told.what)
    return replace(told, known_before=before.serial)


def _item(steps: list[Step], last: Change) -> Item:
    kind = "rule" if last.item.is_rule else "hashes"
    return Item(kind, last.item.part, last.what is not What.VANISHED, tuple(steps))


def _read(folder: Path, installed: Installed) -> _Release:
    try:
        release = parse_release((folder / RELEASE).read_bytes())
        sha256 = release.bundles[layout.TARGET]
        bundle = bundles.read(delta.decompress((folder / BUNDLE).read_bytes(), sha256))
        root = parse((folder / METADATA / "root.json").read_bytes(), Root, "root")
        targets = parse((folder / METADATA / "targets.json").read_bytes(), Targets, "targets")
    except (OSError, LogError, KeyError) as error:
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
