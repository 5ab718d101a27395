"""Channels to measure: a development channel with four witnesses in memory, and its clients."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from overt.channel import layout
from overt.channel.publisher import build, founding, publish, roles, sources, state
from overt.channel.publisher.desk import Answer, Desk, utc_now
from overt.channel.publisher.publish import Published
from overt.channel.release import Release
from overt.tlog import policy_file, witness
from overt.tlog.keys import MemorySigner, SignatureType, VerifierKey
from overt.tlog.merkle import TreeHead

NAME, ORIGIN = "bench", "rules.example.org/bench"
WITNESSES, QUORUM = 4, 3


class Witnesses:
    """Four, by the protocol, in this process: a channel's proof is as long as it would be."""

    def __init__(self) -> None:
        kind = SignatureType.ED25519_COSIGNATURE
        self._signers = {
            f"w{n}": MemorySigner(f"witness{n}.example", kind, hashlib.sha256(b"%d" % n).digest())
            for n in range(WITNESSES)
        }
        self._known: dict[str, TreeHead] = {}
        self.log_keys: list[VerifierKey] = []

    @property
    def policy(self) -> str:
        """As tlog-policy lines."""
        lines = [f"witness {n} {s.key.encode()} https://{n}.example" for n, s in self._signers.items()]
        return "\n".join([*lines, f"group q {QUORUM} {' '.join(self._signers)}", "quorum q", ""])

    def post(self, url: str, body: bytes) -> Answer:
        """As a `Desk` wants it."""
        name = urlparse(url).netloc.removesuffix(".example")
        known = self._known.get(name)
        now_s = int(utc_now().timestamp())
        said = witness.respond(body, {ORIGIN: self.log_keys}, lambda _: known, [self._signers[name]], now_s)
        if isinstance(said, witness.Cosigned):
            self._known[name] = said.new
        return Answer(int(said.status), said.body)


class Publisher:
    """One person with every key."""

    def __init__(self, folder: Path) -> None:
        self._witnesses = Witnesses()
        self.desk = Desk(folder / "desk", _no_secrets, utc_now, self._witnesses.post)
        self.rules = folder / "rules"
        self.rules.mkdir(parents=True)
        plan = founding.Plan(NAME, ORIGIN, witnesses=self._witnesses.policy, development=True)
        charter = roles.root_charter(founding.found(self.desk, plan, None).new_root)
        self._witnesses.log_keys = [log.key for log in policy_file.parse(charter.policy.encode()).logs]
        self._folder = folder

    @property
    def public(self) -> Path:
        """The tree."""
        return self.desk.public

    def publish(self) -> Release:
        """The rules in the folder, as the next release; not reviewed. Raises `RuntimeError`."""
        present = state.read(self.desk)
        origin = sources.Origin("bench", (str(self.rules),), "generated", "CC0-1.0", "https://example.org")
        serial = present.head.size if present else 0
        built = build.build(NAME, serial, sources.Sources((origin,)))
        outcome = publish.publish(self.desk, built.data)
        if not isinstance(outcome, Published):
            raise RuntimeError(f"not published: {outcome}")
        return outcome.release

    @property
    def root(self) -> Path:
        """What clients start from."""
        return self.public / layout.metadata("root", 1)


@dataclass(frozen=True)
class Home:
    """One client's machine."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """With no proxy in it."""
        kept = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
        return kept | {"OVERT_HOME": str(self.folder)}

    def overt(self, *words: str) -> str:
        """Run the command. Raises `RuntimeError` when it fails."""
        command = [str(Path(sys.executable).with_name("overt")), *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"overt {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


def _no_secrets(what: str) -> str:
    raise RuntimeError(f"asked for {what}")


def tree_bytes(folder: Path) -> tuple[int, int]:
    """Files and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
