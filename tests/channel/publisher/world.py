"""One channel in the making: its folder, its witnesses in memory, its readers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlparse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from overt.channel import delta, layout, release
from overt.channel.publisher import build, founding, publish, roles, sources, state
from overt.channel.publisher.desk import Answer, Desk
from overt.channel.release import Release
from overt.tlog import note, policy_file, proof, witness
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import TreeHead, leaf_hash
from overt.tlog.policy import Accepted
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint

ORIGIN = "rules.example.org/test"
RULE = 'rule %s { strings: $a = "overt-test-%s-3f9a51c07be2" condition: uint16(0) == 0x5a4d and $a }\n'


class Clock:
    """The real time, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Witnesses:
    """`count` witnesses that keep the protocol. What they know is in a file, so that it survives any publisher."""

    def __init__(self, folder: Path, count: int = 4) -> None:
        kind = SignatureType.ED25519_COSIGNATURE
        self.signers = {
            f"w{n}": MemorySigner(f"witness{n}.example", kind, hashlib.sha256(b"%d" % n).digest())
            for n in range(count)
        }
        self.log_keys: list[str] = []
        self.down: set[str] = set()
        self.asked = 0
        self.clock = Clock()
        self._file = folder / "witnesses.json"
        self._save({})

    def policy(self, quorum: int) -> str:
        lines = [
            f"witness {name} {signer.key.encode()} https://{name}.example/submit"
            for name, signer in self.signers.items()
        ]
        return "\n".join([*lines, f"group q {quorum} {' '.join(self.signers)}", "quorum q", ""])

    def post(self, url: str, body: bytes) -> Answer:
        name = urlparse(url).netloc.removesuffix(".example")
        if name in self.down:
            raise ConnectionRefusedError(f"{name} is down")
        assert url == f"https://{name}.example/submit/add-checkpoint"
        return self.answer(name, body)

    def answer(self, name: str, body: bytes) -> Answer:
        """What the witness `name` says. It trusts the log key of its first request, as configured by hand."""
        self.asked += 1
        stored = self._load()
        size, root = stored.get(name, (0, ""))
        known = TreeHead(size, bytes.fromhex(root)) if size else None
        keys = [log.key for log in policy_file.parse(self._trusted().encode()).logs]
        now_s = int(self.clock().timestamp())
        said = witness.respond(body, {ORIGIN: keys}, lambda origin: known, [self.signers[name]], now_s)
        if isinstance(said, witness.Cosigned):
            stored[name] = (said.new.size, said.new.root.hex())
            self._save(stored)
        return Answer(int(said.status), said.body)

    def trust(self, policy: str) -> None:
        """Configure the log's keys, further ones too."""
        self.log_keys += [line for line in policy.splitlines() if line.startswith("log ")]

    def _trusted(self) -> str:
        return "\n".join([*dict.fromkeys(self.log_keys), "quorum none", ""])

    def _load(self) -> dict[str, tuple[int, str]]:
        found: dict[str, tuple[int, str]] = json.loads(self._file.read_text())
        return found

    def _save(self, stored: dict[str, tuple[int, str]]) -> None:
        self._file.write_text(json.dumps(stored))


class World:
    """A development channel with real witnesses, unless a test makes another one of it."""

    def __init__(self, folder: Path, quorum: int = 3) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clock = Clock()
        self.witnesses = Witnesses(folder)
        self.witnesses.clock = self.clock
        self.desk = Desk(folder / "desk", no_secrets, self.clock, self.witnesses.post)
        self.rules = folder / "rules"
        self.rules.mkdir()
        self.quorum = quorum

    @property
    def public(self) -> Path:
        return self.desk.public

    def found(self) -> None:
        plan = founding.Plan("test", ORIGIN, witnesses=self.witnesses.policy(self.quorum), development=True)
        proposed = founding.found(self.desk, plan, None)
        self.witnesses.trust(roles.root_charter(proposed.new_root).policy)

    def bundle(self, *names: str) -> bytes:
        """A bundle for the next release, of the rules added so far and these."""
        for name in names:
            (self.rules / f"{name}.yar").write_text(RULE % (name, name))
        present = state.read(self.desk)
        serial = present.head.size if present else 0
        return build.build("test", serial, self.sources()).data

    def sources(self) -> sources.Sources:
        return sources.Sources(
            (sources.Origin("own", (str(self.rules),), "Test", "CC0-1.0", "https://example.org/rules"),)
        )

    def publish(self, *names: str) -> Release:
        outcome = publish.publish(self.desk, self.bundle(*names))
        assert isinstance(outcome, publish.Published), outcome
        return outcome.release

    def first_root(self) -> bytes:
        return (self.public / layout.metadata("root", 1)).read_bytes()

    def refresh(self, metadata: Path, bootstrap: bytes | None = None) -> Updater:
        """python-tuf's own client, over the tree. Raises what it raises."""
        metadata.mkdir(exist_ok=True)
        targets = metadata / "targets"
        targets.mkdir(exist_ok=True)
        updater = Updater(
            str(metadata),
            "https://tree/metadata/",
            str(targets),
            "https://tree/targets/",
            fetcher=TreeFetcher(self.public),
            bootstrap=bootstrap or self.first_root(),
        )
        updater.refresh()
        return updater

    def newest_root(self) -> bytes:
        found = sorted(
            (self.public / "metadata").glob("*.root.json"), key=lambda p: int(p.name.split(".")[0])
        )
        return found[-1].read_bytes()

    def accepted(self, root: bytes | None = None) -> tuple[Release, Accepted]:
        """The served proof, verified under the policy of `root` (default: the newest)."""
        served = proof.parse((self.public / layout.PROOF).read_bytes())
        charter = roles.root_charter(roles.parse(root or self.newest_root(), roles.Root, "root").signed)
        now_s = int(self.clock().timestamp())
        accepted = proof.verify(
            served, leaf_hash(served.extra), state.policy_of(charter), now_s - 24 * 3600, now_s + 60
        )
        found = release.parse(served.extra)
        assert found.serial == served.index == accepted.checkpoint.head.size - 1
        return found, accepted

    def log(self) -> list[Release]:
        """All releases, read through the checkpoint and tiles alone."""
        policy = policy_file.parse(self._newest_policy())
        signed = note.parse((self.public / layout.CHECKPOINT).read_bytes())
        head = open_checkpoint(signed, [log.key for log in policy.logs]).head
        reader = LogReader(head, lambda path: (self.public / layout.LOG / path).read_bytes())
        return [release.parse(leaf) for leaf in reader.entries(0)]

    def _newest_policy(self) -> bytes:
        found = sorted((self.public / "policies").glob("*.txt"), key=lambda p: int(p.stem))
        return found[-1].read_bytes()

    def files(self) -> dict[str, bytes]:
        """The whole tree."""
        return {
            str(path.relative_to(self.public)): path.read_bytes()
            for path in sorted(self.public.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }

    def never_changing(self) -> dict[str, bytes]:
        return {path: data for path, data in self.files().items() if path not in layout.MUTABLE}


class TreeFetcher(FetcherInterface):
    """Serves the tree from disk; a target is unpacked from its compressed bundle."""

    def __init__(self, public: Path) -> None:
        self.public = public

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = urlparse(url).path.removeprefix("/")
        try:
            if path.startswith("targets/"):
                sha256 = path.removeprefix("targets/").partition(".")[0]
                data = delta.decompress((self.public / layout.bundle(sha256)).read_bytes(), sha256)
            else:
                data = (self.public / path).read_bytes()
        except FileNotFoundError:
            raise DownloadHTTPError(f"{path}: 404", 404) from None
        yield data


def no_secrets(what: str) -> str:
    raise AssertionError(f"asked for {what}")
