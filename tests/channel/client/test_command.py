"""The commands as a person runs them: courier, locked-down verifier and confined workers, over a real server."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from overt.channel.publisher import build, publish, state
from overt.channel.publisher.sources import Override
from overt.rules.compile import RuleText
from overt.rules.review import RuleReview
from overt.rules.review import review as reviews
from tests.channel.client.conftest import MALWARE
from tests.channel.client.served import Tree, tree
from tests.channel.publisher.world import World
from tests.egress.conftest import Authority, authority
from tests.egress.servers import serving, tunnel

__all__ = ["authority"]

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"


class Overt:
    """The program, in processes of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "overt", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "OVERT_HOME": str(self.home),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def json(self, *arguments: str, code: int = 0) -> dict[str, object]:
        found: dict[str, object] = json.loads(self(*arguments, "--json", code=code))
        schema = str(found["schema"]).removeprefix("overt-").replace("/", "-")
        jsonschema.validate(found, json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))
        return found

    def ledger(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self("ledger", "show", "--json", "--limit", "0").splitlines()]


@pytest.fixture
def overt(overt_home: Path) -> Overt:
    return Overt(overt_home)


@pytest.fixture
def root(world: World, tmp_path: Path) -> str:
    path = tmp_path / "root.json"
    path.write_bytes(world.first_root())
    return str(path)


@pytest.mark.kernel
def test_from_subscription_to_finding(
    world: World, served: Tree, overt: Overt, root: str, tmp_path: Path
) -> None:
    assert "no channels" in overt("update")
    assert "release 0 is in use" in overt("channel", "add", served.url, "--root", root)
    sample = tmp_path / "sample.exe"
    sample.write_bytes(MALWARE % b"two")
    overt("scan", str(sample))
    world.publish("two")
    assert "release 1 is there" in overt("update", "--check")
    served.forget()
    assert "a patch of" in overt("update")
    assert any(path.startswith("patches/") for path in served.paths)
    assert not any(path.startswith("bundles/") for path in served.paths)
    assert "two (high, by Test; test 1)" in overt("scan", str(sample), code=1)
    found = overt.json("status")
    (channel,) = found["channels"]  # type: ignore[misc]
    assert channel["serial"] == 1 and channel["stale_since"] is None and channel["witnesses"] == 4  # type: ignore[index]
    assert "development channel" in overt("status")
    served.forget()
    assert "up to date, release 1" in overt("update")
    assert served.paths == ["latest.tlog-proof"]
    assert served.wire_bytes < 2000
    assert overt.json("update")["channels"][0]["outcome"] == "up-to-date"  # type: ignore[index]
    check_ledger(overt, served)


def check_ledger(overt: Overt, served: Tree) -> None:
    """Every request is there, before its result, and the ledger is whole."""
    entries = overt.ledger()
    kinds = [entry["kind"] for entry in entries]
    assert kinds.count("fetch-request") == kinds.count("fetch-result") > 8
    assert kinds.count("installed") == 2
    requests = {entry["seq"]: entry["facts"] for entry in entries if entry["kind"] == "fetch-request"}
    for entry in entries:
        if entry["kind"] == "fetch-result":
            assert entry["facts"]["request"] in requests  # type: ignore[index]
    assert all(facts["url"].startswith(served.url) for facts in requests.values())  # type: ignore[index]
    assert "intact" in overt("ledger", "verify")


@pytest.mark.kernel
def test_a_server_that_is_gone_a_stick_and_a_rollback(
    world: World, overt: Overt, root: str, tmp_path: Path
) -> None:
    with tree(world.public) as served:
        overt("channel", "add", served.url, "--root", root)
        world.publish("two")
    assert "stale since" in overt("update", code=3)
    (channel,) = overt.json("status", code=3)["channels"]  # type: ignore[misc]
    assert "Connection refused" in channel["why"] and channel["advice"] and channel["serial"] == 0  # type: ignore[index]
    assert "release 1 is in use, before it release 0" in overt("update", "--from", str(world.public))
    assert overt.json("status")["channels"][0]["serial"] == 1  # type: ignore[index]
    assert "rolled back to release 0" in overt("update", "--channel", "test", "--rollback")
    assert "rolled back by you from release 1" in overt("status")
    assert overt("update", "--from", str(world.public), "--scheduled") == ""
    assert overt.json("status")["channels"][0]["rolled_back_from"] == 1  # type: ignore[index]
    assert "release 1 is in use" in overt("update", "--from", str(world.public))
    assert overt.json("status")["channels"][0]["rolled_back_from"] is None  # type: ignore[index]
    kinds = [entry["kind"] for entry in overt.ledger()]
    assert kinds.count("rolled-back") == 1


@pytest.mark.kernel
def test_an_anchor_by_its_hash(world: World, served: Tree, overt: Overt) -> None:
    release, _ = world.accepted()
    sha256 = release.root.sha256
    assert "is no SHA-256" in overt(
        "channel", "add", served.url, "--root-sha256", "xyz", "--name", "acme", code=2
    )
    wrong = "0" * 64
    said = overt("channel", "add", served.url, "--root-sha256", wrong, "--name", "acme", code=2)
    assert "nothing was added" in said
    assert "no channels" in overt("channel", "list")
    overt("channel", "add", served.url, "--root-sha256", sha256, "--name", "acme")
    assert "acme  release 0" in overt("channel", "list")
    assert sha256 in overt("channel", "policy", "acme")


@pytest.mark.kernel
def test_a_private_authority_and_a_proxy_with_a_password_are_remembered(
    world: World, overt: Overt, root: str, authority: Callable[[], Authority]
) -> None:
    ca, log = authority(), list[bytes]()
    token = base64.b64encode(b"me:wonderland").decode()
    with tree(world.public, ca.server("localhost")) as served, serving(tunnel(log, token)) as proxy:
        through = f"http://me:wonderland@127.0.0.1:{proxy.port}"
        add = ("channel", "add", served.url, "--root", root)
        assert "certificate" in overt(*add, "--name", "bare", "--proxy", "", code=3)
        assert served.paths == []
        overt("channel", "remove", "bare")
        assert "release 0 is in use" in overt(*add, "--ca-file", str(ca.file), "--proxy", through)
        world.publish("two")
        log.clear()
        assert "release 1 is in use" in overt("update")
        assert log and all(head.startswith(b"CONNECT localhost:") for head in log)
        assert "release 1" in overt("update", "--proxy", "")
        assert "release 1" in overt("update")
    said = overt("status") + overt("channel", "list") + overt("ledger", "show", "--json", "--limit", "0")
    assert "wonderland" not in said and f"http://127.0.0.1:{proxy.port}" in said
    left = [path for path in overt.home.rglob("*") if path.is_file() and b"wonderland" in path.read_bytes()]
    assert [path.name for path in left] == ["index.json"]
    assert left[0].stat().st_mode & 0o077 == 0


@pytest.mark.kernel
def test_switching_publishers(world: World, served: Tree, overt: Overt, root: str, tmp_path: Path) -> None:
    overt("channel", "add", served.url, "--root", root)
    other = World(tmp_path / "other")
    other.found()
    other.publish("nine")
    other_root = tmp_path / "other.json"
    other_root.write_bytes(other.first_root())
    unreachable = "http://127.0.0.1:9/"
    said = overt("channel", "switch", "test", unreachable, "--root", str(other_root), "--name", "new", code=3)
    assert "nothing was switched" in said
    assert "test  release 0" in overt("channel", "list") and "new" not in overt("channel", "list")
    with tree(other.public) as elsewhere:
        said = overt("channel", "switch", "test", elsewhere.url, "--root", str(other_root), "--name", "new")
    assert "test: retired" in said
    assert overt("channel", "list").startswith("new  release 0")
    sample = tmp_path / "sample.exe"
    sample.write_bytes(MALWARE % b"nine")
    assert "new 0" in overt("scan", str(sample), code=1)
    overt("channel", "remove", "new")
    assert "no channels" in overt("channel", "list")


SPYING = 'rule reads_secrets { strings: $a = "TOP SECRET" condition: $a }'
REASON = "the lure of campaign 17; checked by two analysts"


def publish_against_the_review(world: World) -> None:
    (world.rules / "spying.yar").write_text(SPYING)

    def review(texts: Sequence[RuleText]) -> list[RuleReview]:
        return [found for text in texts for found in reviews(text)]

    wanted = replace(world.sources(), override=(Override("reads_secrets", REASON),))
    present = state.read(world.desk)
    assert present
    made = build.build("test", present.head.size, wanted, review)
    assert isinstance(publish.publish(world.desk, made.data), publish.Published)


@pytest.mark.kernel
def test_every_user_sees_what_is_published_against_its_review(
    overt: Overt, root: str, world: World, tmp_path: Path
) -> None:
    publish_against_the_review(world)
    words = f"the review says refuse; published because: {REASON}"
    said = overt("channel", "add", "http://127.0.0.1:9/", "--root", root, "--from", str(world.public))
    assert f"reads_secrets: {words}" in said
    assert f"reads_secrets: {words}" in overt("status")
    (told,) = overt.json("status")["channels"][0]["objections"]  # type: ignore[index]
    assert told == {"kind": "rule", "name": "reads_secrets", "level": "refuse", "reason": REASON}
    updated = overt.json("update", "--again", "--from", str(world.public))
    assert updated["channels"][0]["objections"] == [told]  # type: ignore[index]
    sample = tmp_path / "sample"
    sample.write_text("nothing")
    notice = "1 rule or hash list is published although the review refused"
    outputs = {name: tmp_path / f"report.{name}" for name in ("json", "sarif", "html")}
    said = overt(
        "scan", str(sample), *(word for name, path in outputs.items() for word in (f"--{name}", str(path)))
    )
    assert notice in said and "development channel: one person holds every key" in said
    assert all(notice in path.read_text() for path in outputs.values())
    summary = json.loads(outputs["json"].read_text().splitlines()[-1])
    jsonschema.validate(summary, json.loads((SCHEMAS / "scan-1.schema.json").read_text()))
    sample.write_text("TOP SECRET")
    explained = overt("explain", str(sample), code=1)
    assert words in explained and "channel    test, from http://127.0.0.1:9/" in explained
    (rule,) = json.loads(overt("explain", "--json", str(sample), code=1))["rules"]
    assert rule["channel"] == "test" and rule["review"] == "refuse" and rule["published_because"] == REASON
    about = overt("rules", "info", "reads_secrets")
    assert words in about and "http://127.0.0.1:9/" in about
    assert words in overt("rules", "info", "test")


@pytest.mark.kernel
def test_every_client_says_that_one_person_holds_every_key(
    overt: Overt, root: str, world: World, tmp_path: Path
) -> None:
    warning = "development channel: one person holds every key"
    source = ("--from", str(world.public))
    assert warning in overt("channel", "add", "http://127.0.0.1:9/", "--root", root, *source)
    for arguments in (("update", *source), ("update", "--check", *source), ("status",), ("channel", "list")):
        assert warning in overt(*arguments), arguments
    assert warning not in overt("update", "--scheduled", *source)
    sample = tmp_path / "sample"
    sample.write_text("nothing")
    for action in ("scan", "explain"):
        assert warning in overt(action, str(sample)), action


@pytest.mark.kernel
def test_every_report_says_that_rules_may_be_old(
    overt: Overt, root: str, world: World, tmp_path: Path
) -> None:
    with tree(world.public) as served:
        overt("channel", "add", served.url, "--root", root)
    overt("update", code=3)
    sample = tmp_path / "sample"
    sample.write_text("nothing")
    said = overt("scan", str(sample))
    assert "stale        the rules of test since" in said and "Connection refused" in said
    outputs = {name: tmp_path / f"report.{name}" for name in ("json", "sarif", "html")}
    overt("scan", str(sample), *(word for name, path in outputs.items() for word in (f"--{name}", str(path))))
    summary = json.loads(outputs["json"].read_text().splitlines()[-1])
    jsonschema.validate(summary, json.loads((SCHEMAS / "scan-1.schema.json").read_text()))
    assert summary["stale"][0]["channel"] == "test" and "refused" in summary["stale"][0]["why"]
    (invocation,) = json.loads(outputs["sarif"].read_text())["runs"][0]["invocations"]
    assert "stale" in invocation["toolConfigurationNotifications"][-1]["message"]["text"]
    assert "Rules that may be old" in outputs["html"].read_text()
    overt("scan", str(sample), "--stale", "error", code=3)
    assert "the rules of test since" in overt("explain", str(sample))
    assert "refused" in json.loads(overt("explain", "--json", str(sample)))["stale"][0]["why"]
    sample.write_bytes(MALWARE % b"one")
    overt("scan", str(sample), "--stale", "error", code=1)
