"""A client's machine: the real update over a mirror in memory, with the real ledger and the real confined workers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from overt.channel.client import subscribe
from overt.channel.client.jobs import Workers
from overt.channel.client.outcome import Outcome
from overt.channel.client.source import Body, Source, Unchanged
from overt.channel.client.standing import standings
from overt.channel.client.update import Client
from overt.core.errors import Malformed
from overt.engine.matcher import Matcher
from overt.ledger import Ledger
from overt.rules import subscribed
from overt.scan import arsenal
from tests.channel.adversary.forge import RULE, Tree

Run = Callable[..., tuple[int, str]]
"""Runs `overt` with arguments: exit code and what it wrote to stdout."""


@dataclass
class Mirror:
    """Serves a tree from memory, as a server or a folder would."""

    tree: Tree
    asked: list[str] = field(default_factory=list)

    def read(self, path: str, max_bytes: int, etag: str = "") -> Body | Unchanged:
        """As `overt.channel.client.source.Source.read`."""
        self.asked.append(path)
        if path not in self.tree:
            raise FileNotFoundError(f"{path}: 404")
        data = self.tree[path]
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if etag == tag:
            return Unchanged()
        if len(data) > max_bytes:
            raise Malformed(f"{path}: more than {max_bytes:,} bytes")
        return Body(data, tag)


@dataclass
class Machine:
    """One machine; `OVERT_HOME` must name `home` while it is used."""

    home: Path
    workers: Workers
    overt: Run
    clock_s: float = 0

    @property
    def data(self) -> Path:
        return self.home / "data"

    def subscribe(self, name: str, root: bytes) -> None:
        """`overt channel add`."""
        one = subscribed.Subscription(name, f"https://rules.example.org/{name}", int(time.time()))
        subscribe.add(self.data, self._ledger().append, one, root)

    def update(self, tree: Tree | Source, name: str = "bank") -> Outcome:
        """`overt update` of one channel from this tree."""
        source = Mirror(tree) if isinstance(tree, dict) else tree
        client = Client(self.data, self._ledger().append, self.workers, lambda: time.time() + self.clock_s)
        return client.update(name, source)

    def serial(self, name: str = "bank") -> int:
        """Of the release in use."""
        one = subscribed.read_index(self.data).get(name)
        assert one is not None
        assert one.current is not None
        return one.current.serial

    def rules(self) -> set[str]:
        """Names of the attack tests' rules that match, by scanning with what a scan would load."""
        names = ("one", "two", "three", "spy")
        sample = b" ".join(RULE.split('"')[1].encode() % name.encode() for name in names)
        loaded = arsenal.load(None)
        return {found.rule for found in Matcher(loaded.pack).match(sample) if found.rule in names}

    def why(self, name: str = "bank") -> str:
        """What status gives as the reason for being stale."""
        return next(one.why for one in standings(self.data) if one.subscription.name == name)

    def standing(self) -> tuple[int, dict[str, object]]:
        """`overt status --json`: its exit code, and what it says of the first channel."""
        code, text = self.overt("status", "--json")
        found: list[dict[str, object]] = json.loads(text)["channels"]
        return code, found[0]

    def ledger(self) -> str:
        """Everything recorded, as text."""
        return "".join(path.read_text() for path in sorted((self.home / "ledger").glob("*.jsonl")))

    def _ledger(self) -> Ledger:
        return Ledger.open(self.home / "ledger")
