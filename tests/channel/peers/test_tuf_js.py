"""tuf-js, the TUF client of npm, reads a published channel; and refuses what python-tuf refuses."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from overt.channel import delta, layout
from overt.channel.publisher import change, publish
from overt.channel.publisher.change import Rotation
from tests.channel.publisher.world import World
from tests.conftest import require
from tests.egress.servers import Server, body, serving

HERE = Path(__file__).parent / "node"
Answer = dict[str, object]
Peer = Callable[..., Answer]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """peer.js with its packages, as package-lock.json names them by hash; `OVERT_NODE_PEERS` names a folder that has
    them already."""
    require(shutil.which("node") is not None and shutil.which("npm") is not None, "nodejs with npm")
    if ready := os.environ.get("OVERT_NODE_PEERS"):
        return Path(ready) / "peer.js"
    folder = tmp_path_factory.mktemp("node") / "peer"
    shutil.copytree(HERE, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
    )
    require(done.returncode == 0, f"tuf-js from npm ({done.stderr.strip()[-300:]})")
    return folder / "peer.js"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A channel with one release."""
    made = World(tmp_path / "world")
    made.found()
    made.publish("one")
    return made


@contextlib.contextmanager
def served(world: World) -> Iterator[Server]:
    """The tree; beside it the bundles as TUF has targets: uncompressed, SHA256.NAME."""

    def content(path: str) -> bytes:
        if path.startswith("targets/"):
            sha256 = path.removeprefix("targets/").partition(".")[0]
            return delta.decompress((world.public / layout.bundle(sha256)).read_bytes(), sha256)
        return (world.public / path).read_bytes()

    def answer(connection: socket.socket, head: bytes) -> None:
        try:
            connection.sendall(body(content(head.split(b" ")[1].decode().lstrip("/"))))
        except OSError:
            connection.sendall(body(b"", status="404 Not Found"))

    with serving(answer) as server:
        yield server


@pytest.fixture
def read(program: Path, world: World, tmp_path: Path) -> Peer:
    """Runs tuf-js once, with what it kept from the times before."""
    metadata, targets = tmp_path / "metadata", tmp_path / "targets"
    metadata.mkdir()
    targets.mkdir()
    (metadata / "root.json").write_bytes(world.first_root())

    def run(target: str = layout.TARGET) -> Answer:
        with served(world) as server:
            urls = (f"{server.url}metadata", f"{server.url}targets")
            done = subprocess.run(
                ["node", program, metadata, urls[0], targets, urls[1], target],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
        found: Answer = json.loads(done.stdout)
        return found

    return run


def test_it_downloads_what_the_release_names(world: World, read: Peer) -> None:
    for name in ("two", "three"):
        release = world.publish(name)
        found = read()
        data = Path(str(found["path"])).read_bytes()
        assert hashlib.sha256(data).hexdigest() == release.bundles[layout.TARGET]
        assert found["hashes"] == {"sha256": release.bundles[layout.TARGET]}


def test_it_follows_a_new_root(world: World, read: Peer) -> None:
    read()
    change.propose_rotation(world.desk, Rotation(), None)
    assert isinstance(publish.publish(world.desk), publish.Published)
    assert "path" in read()


def test_it_refuses_what_was_changed(world: World, read: Peer) -> None:
    path = world.public / layout.TIMESTAMP
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9', 1))
    assert read()["error"] == "UnsignedMetadataError"


def test_it_refuses_a_rollback(world: World, read: Peer) -> None:
    old = (world.public / layout.TIMESTAMP).read_bytes()
    world.publish("two")
    assert "path" in read()
    (world.public / layout.TIMESTAMP).write_bytes(old)
    assert read()["error"] == "BadVersionError"


def test_it_refuses_what_expired(world: World, read: Peer) -> None:
    world.clock.ahead = -timedelta(days=3)
    publish.renew(world.desk)
    assert read()["error"] == "ExpiredMetadataError"


def test_it_knows_no_target_that_is_not_signed(read: Peer) -> None:
    assert read("other.tar")["error"] == "NoSuchTarget"
