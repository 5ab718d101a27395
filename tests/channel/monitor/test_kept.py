"""What a client tells of a rule from its own releases, and the schemas of all JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from overt.channel.monitor import deliver
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.site import pages
from overt.cli.voice import Exit
from tests.channel.monitor.conftest import Channel, Watching

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"


def checked(name: str, document: object) -> Any:
    """The document, when it is by its schema."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_bytes())
    jsonschema.validate(document, schema)
    return document


def overt(home: Path, *words: object, code: int = Exit.OK) -> str:
    """Run a command as its own process, which may lock itself down; what it said."""
    command = [sys.executable, "-m", "overt", *map(str, words)]
    environment = {**os.environ, "OVERT_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.kernel
def test_a_client_knows_the_releases_that_it_keeps(channel: Channel, tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root.json"
    assert "has a rule one" in overt(home, "rules", "history", "one", code=Exit.ERROR)
    channel.publish("one")
    root.write_bytes(channel.first_root())
    overt(home, "channel", "add", "http://127.0.0.1:9/", "--root", root, "--from", channel.public)
    channel.publish("two")
    channel.publish("three")
    overt(home, "update", "--from", channel.public)
    said = overt(home, "rules", "history", "one")
    assert "release     0  appeared" in said and "targets signed by: targets-1" in said
    assert "--monitor URL" in said
    said = overt(home, "rules", "history", "two")
    assert "release     2  appeared   installed here" in said
    assert "by it or by one of the releases from 1 on" in said
    told = checked(
        "rule-history-1", json.loads(overt(home, "rules", "history", "two", "--json").partition("\nonly")[0])
    )
    assert told["channels"][0]["items"][0]["events"][0]["known_before"] == 0


def test_json_is_by_its_schemas(channel: Channel, watching: Watching, tmp_path: Path) -> None:
    watching.look()
    channel.clock.ahead += timedelta(hours=30)
    watching.look()
    pages.write(watching.state, tmp_path / "site")
    told = checked("monitor-1", json.loads((tmp_path / "site" / "api" / "status.json").read_bytes()))
    assert {one["kind"] for one in told["alarms"]} == {"freeze", "development"}
    for path in (tmp_path / "site" / "api" / "rule").iterdir():
        checked("rule-history-1", json.loads(path.read_bytes()))
    for alarm in watching.state.alarms():
        checked("alarm-1", deliver.described(watching.state, alarm))
    schema = json.loads((SCHEMAS / "alarm-1.schema.json").read_bytes())
    assert set(schema["properties"]["kind"]["enum"]) == {kind.value for kind in Kind}
