"""A published channel, a machine that subscribes to it, and a server between the two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from overt.channel.client import subscribe
from overt.channel.client.jobs import Workers
from overt.channel.client.outcome import Outcome
from overt.channel.client.source import Body, InFolder, Source, Unchanged
from overt.channel.client.standing import Standing, standings
from overt.channel.client.update import Client, Wishes
from overt.engine.matcher import Matcher
from overt.rules import subscribed
from overt.rules.active import load_active
from overt.rules.subscribed import Subscription
from overt.scan.building import builder
from tests.channel.client.served import Tree, tree
from tests.channel.publisher.world import World

MALWARE = b"MZ" + bytes(100) + b"overt-test-%s-3f9a51c07be2"


class Counting:
    """A source that remembers what was read, and may answer some paths itself."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.asked: list[str] = []
        self.instead: dict[str, Callable[[], bytes]] = {}

    def read(self, path: str, max_bytes: int, etag: str = "") -> Body | Unchanged:
        self.asked.append(path)
        if path in self.instead:
            return Body(self.instead[path]()[: max_bytes + 1])
        return self.source.read(path, max_bytes, etag)


@dataclass
class Machine:
    """Subscribed to the world's channel, reading its tree from memory's nearest: the disk."""

    world: World
    data: Path
    workers: Workers
    source: Counting
    ahead_s: float = 0
    entries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def client(self, **wishes: bool) -> Client:
        return Client(
            self.data,
            lambda kind, facts: self.entries.append((str(kind), dict(facts))),
            self.workers,
            lambda: time.time() + self.ahead_s,
            Wishes(**wishes),
        )

    def subscribe(self, name: str = "test", root: bytes | None = None) -> None:
        one = Subscription(name, "http://127.0.0.1:9/", int(time.time()))
        subscribe.add(self.data, self.client().append, one, root or self.world.first_root())

    def update(self, name: str = "test", **wishes: bool) -> Outcome:
        return self.client(**wishes).update(name, self.source)

    def standing(self) -> Standing:
        return standings(self.data, int(time.time() + self.ahead_s))[0]

    @property
    def subscription(self) -> Subscription:
        found = subscribed.read_index(self.data).get("test")
        assert found
        return found

    def detects(self, name: str) -> bool:
        """Whether the rules in use, whole and loadable, have the rule."""
        pack = load_active(builder=builder())
        return any(finding.rule == name for finding in Matcher(pack).match(MALWARE % name.encode()))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A development channel with four witnesses, three of which are needed; one release."""
    made = World(tmp_path / "world")
    made.found()
    made.publish("one")
    return made


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.fixture
def machine(world: World, overt_home: Path, workers: Workers) -> Machine:
    made = Machine(world, overt_home / "data", workers, Counting(InFolder(world.public)))
    made.subscribe()
    return made


@pytest.fixture
def served(world: World) -> Iterator[Tree]:
    """The tree on a server on the loopback, with ETags."""
    with tree(world.public) as made:
        yield made
