"""Somebody else's witness and somebody else's client (`aics-witness`) speak to ours, and ours to them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from overt.tlog.keys import parse_key
from overt.tlog.note import parse
from overt.tlog.reader import LogReader
from overt.tlog.signing import verify
from overt.tlog.witness import Status, collect, parse_conflict
from tests.channel.witness.conftest import Logs, Place, post
from tests.conftest import require
from tests.tlog.reference import LOG, ORIGIN
from tests.waiting import PATIENCE_S


@pytest.fixture
def peer() -> ModuleType:
    """The package. Its maker releases it for Python 3.12 and later; `run` installs it on 3.11 too."""
    require(importlib.util.find_spec("aics_witness") is not None, "aics-witness")
    return importlib.import_module("aics_witness")


def command(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "aics_witness", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={key: value for key, value in os.environ.items() if not key.startswith(("WITNESS", "AICS"))},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(folder: Path, port: int) -> Iterator[None]:
    module = [sys.executable, "-W", "ignore", "-m", "aics_witness"]
    process = subprocess.Popen(
        [*module, "serve", "--config", "w.json", "--listen", f"127.0.0.1:{port}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout
        select.select([process.stdout], [], [], PATIENCE_S)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                post(port, b"", "/healthz", "GET")
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.communicate()


def test_their_witness_answers_our_requests(
    peer: ModuleType, logs: Logs, tmp_path: Path, free_port: int
) -> None:
    key = parse_key(
        command("init", "--config", "w.json", "--name", "peer.example/w", folder=tmp_path).strip()
    )
    command("add-log", "--config", "w.json", "--origin", ORIGIN, "--vkey", LOG.key.encode(), folder=tmp_path)
    with serving(tmp_path, free_port):
        for old, new in ((0, 2), (2, 5), (5, 12)):
            answer = post(free_port, logs.ask(old, new))
            assert answer.status == Status.OK, answer.body
            found = collect(logs.note(new), answer.body, [key])
            assert abs((found[0].timestamp_s or 0) - time.time()) < 60
        conflict = post(free_port, logs.ask(5, 12))
        assert (conflict.status, parse_conflict(conflict.body)) == (409, 12)
        assert post(free_port, logs.ask(12, 12, forked=True)).status == 422
        path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        assert len(verify(parse(post(free_port, b"", path, "GET").body), [LOG.key, key])) == 2


def test_our_witness_answers_their_client(peer: ModuleType, logs: Logs, place: Place) -> None:
    process, port = place.serve()
    key = place.state().own_keys()[0]

    def proof(old: int, new: int) -> list[bytes]:
        return list(LogReader(logs.head(new), logs.honest.fetch).consistency_proof(old))

    with peer.WitnessClient(f"http://127.0.0.1:{port}", key.encode()) as client:
        for size in (2, 5, 12):
            line = client.submit(logs.note(size).encode(), proof)
            assert collect(logs.note(size), line.encode(), [key])
            merged = parse(peer.merge_cosignatures(logs.note(size).encode(), line))
            assert len(verify(merged, [LOG.key, key])) == 2
        with pytest.raises(peer.WitnessAhead):
            client.submit(logs.note(5).encode(), proof)
        with pytest.raises(peer.WitnessRejected):
            client.submit(logs.note(12, forked=True).encode(), proof, old_size=12)
    fresh = peer.WitnessClient(f"http://127.0.0.1:{port}/", key.encode())
    assert fresh.submit(logs.note(12).encode(), proof)
    fresh.close()
    place.stop(process)
