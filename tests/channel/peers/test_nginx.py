"""nginx, configured as docs/serving.md says, and the real `overt update` against it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import webserver
from bench.webserver import Served

from overt.channel import layout
from tests.channel.client.test_command import Overt
from tests.channel.publisher.world import World
from tests.conftest import require
from tests.waiting import PATIENCE_S

FRESH = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A channel with one release."""
    made = World(tmp_path / "world")
    made.found()
    made.publish("one")
    return made


@pytest.fixture
def served(world: World, tmp_path: Path) -> Iterator[Served]:
    """Its tree, served."""
    require(webserver.program() is not None, "nginx")
    with webserver.serving(world.public, tmp_path / "nginx") as running:
        yield running


def get(served: Served, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_S)
    connection.request("GET", f"/acme/{path}", headers=headers)
    response = connection.getresponse()
    response.read()
    return response


def test_what_changes_is_cached_briefly_and_the_rest_for_ever(world: World, served: Served) -> None:
    for path in world.files():
        response = get(served, path)
        assert response.status == 200
        assert response.getheader("Cache-Control") == (FRESH if path in layout.MUTABLE else FOR_EVER), path
        assert response.getheader("Content-Encoding") is None


def test_what_is_not_there_yet_is_not_cached(served: Served) -> None:
    response = get(served, layout.metadata("root", 2))
    assert response.status == 404
    assert response.getheader("Cache-Control") is None


def test_an_unchanged_proof_is_304(served: Served) -> None:
    etag = get(served, layout.PROOF).getheader("ETag")
    assert etag
    response = get(served, layout.PROOF, **{"If-None-Match": etag})
    assert response.status == 304
    assert response.getheader("Cache-Control") == FRESH


def test_only_the_tree_is_served_and_only_read(world: World, served: Served) -> None:
    assert get(served, "../../desk/keys/log-1.pem").status in (400, 404)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_S)
    connection.request("PUT", f"/acme/{layout.PROOF}", b"x")
    assert connection.getresponse().status == 403


@pytest.mark.kernel
def test_overt_updates_from_nginx(world: World, served: Served, overt_home: Path, tmp_path: Path) -> None:
    """First everything, then one request and a 304, then a patch."""
    overt = Overt(overt_home)
    root = tmp_path / "root.json"
    root.write_bytes(world.first_root())
    overt("channel", "add", served.url, "--root", str(root), "--proxy", "")
    overt("update", "--proxy", "")
    assert overt.json("status")["channels"][0]["serial"] == 0  # type: ignore[index]
    assert [path for status, _, _, path in served.requests() if path.endswith(layout.PROOF) and status == 200]
    overt("update", "--proxy", "")
    ((status, up, down, path),) = served.requests()
    assert (status, path) == (304, f"/acme/{layout.PROOF}")
    assert up + down < 2000
    world.publish("two")
    overt("update", "--proxy", "")
    asked = [path for status, _, _, path in served.requests() if status == 200]
    assert any("/patches/" in path for path in asked)
    assert not any("/bundles/" in path for path in asked)
    assert overt.json("status")["channels"][0]["serial"] == 1  # type: ignore[index]
