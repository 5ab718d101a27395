"""A channel with sources, witnesses that can be asked, and a monitor that follows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from overt.channel.manifest import Revoked
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.readers import MonitorReaders
from overt.channel.monitor.rebuild import Builders
from overt.channel.monitor.record import AlarmRow
from overt.channel.monitor.round import Outcome, Round, Watch
from overt.channel.monitor.sources import in_folder
from overt.channel.monitor.state import State
from overt.channel.monitor.views import View
from overt.channel.publisher import build, deliveries, publish, sources, state
from overt.channel.publisher.build import static_review
from overt.channel.release import Release
from overt.channel.tree import Tree
from overt.channel.tree import in_folder as tree_in
from tests.channel.publisher.world import World
from tests.channel.reading import static_readers

PATIENCE_S = 3600


class Channel(World):
    """A world whose bundles are reviewed and built from sources that it publishes too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sources_folder = folder / "sources"
        self.overrides: tuple[sources.Override, ...] = ()
        self.revoked: tuple[sources.Revocation, ...] = ()
        self.found()

    def sources(self) -> sources.Sources:
        return sources.Sources(super().sources().source, self.overrides, self.revoked)

    def bundle(self, *names: str) -> bytes:
        super().bundle(*names)
        present = state.read(self.desk)
        serial = present.head.size if present else 0
        newest = deliveries.newest(self.desk, present)
        before: tuple[Revoked, ...] = newest.manifest.revoked if newest else ()
        self.keep_sources(serial)
        return build.build("test", serial, self.sources(), static_review, before).data

    def keep_sources(self, serial: int) -> None:
        """`sources/SERIAL/` as the publisher would put it on the net."""
        folder = self.sources_folder / str(serial)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.rules, folder / "rules")
        lines = ['[[source]]\nname = "own"\npaths = ["rules"]\nauthor = "Test"\nlicence = "CC0-1.0"']
        lines.append('origin = "https://example.org/rules"')
        lines += [f'[[override]]\nrule = "{one.rule}"\nreason = "{one.reason}"' for one in self.overrides]
        lines += [
            f'[[revoked]]\nrule = "{one.rule}"\nserial = {one.serial}\nreason = "{one.reason}"'
            for one in self.revoked
        ]
        (folder / "sources.toml").write_text("\n".join(lines) + "\n")

    def write(self, name: str, text: str) -> None:
        """A file of rules, before it is published."""
        (self.rules / f"{name}.yar").write_text(text)

    def publish_bytes(self, bundle: bytes) -> Release:
        outcome = publish.publish(self.desk, bundle)
        assert isinstance(outcome, publish.Published), outcome
        return outcome.release

    def now_s(self) -> int:
        return int(self.clock().timestamp())


class Watching:
    """A monitor of a channel, its state in a folder."""

    def __init__(self, channel: Channel, folder: Path, readers: MonitorReaders | None = None) -> None:
        self.channel, self.folder = channel, folder
        scratch = folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self.builders = Builders(scratch)
        self.views: list[View] = []
        self.tree: Tree = tree_in(channel.public)
        self.watch = Watch(
            channel.first_root(), readers or static_readers(), self.builders, PATIENCE_S, channel.now_s
        )
        self.state = State(folder)

    def look(self, with_sources: bool = True) -> Outcome:
        find = in_folder(self.channel.sources_folder) if with_sources else None
        return Round(self.state, self.watch).look(self.tree, self.views, find)

    def alarms(self, *kinds: Kind) -> list[AlarmRow]:
        """Alarms of these kinds; all but the standing one of a development channel when none is named."""
        found = self.state.alarms()
        return [a for a in found if (a.kind in kinds if kinds else a.kind is not Kind.DEVELOPMENT)]

    def close(self) -> None:
        self.builders.close()

    def trusting(self, root: bytes) -> None:
        self.watch = replace(self.watch, root=root)


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel")


@pytest.fixture
def watching(channel: Channel, tmp_path: Path) -> Iterator[Watching]:
    """A monitor of a channel with one release, which it has not looked at."""
    channel.publish("one")
    made = Watching(channel, tmp_path / "monitor")
    yield made
    made.close()
