"""A product whose installer plants what starts by itself and gives rights, and which lives on when it is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from tests.conduct.lab import answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROFILE = """schema = 1
[product]
name = "Stays AV"
[install]
how = "script"
path = "av/install.sh"
[[step]]
kind = "start"
command = ["{product}/av"]
[[step]]
kind = "uninstall"
command = ["rm", "-r", "{product}"]
[[step]]
kind = "idle"
command = ["sleep", "6"]
[[scope]]
executes = ["/usr/bin/*"]
connects = ["up.av.example:443"]
"""
INSTALL = """#!/bin/sh
set -e
mkdir -p /etc/network/if-up.d /etc/firefox/policies
echo true > /etc/network/if-up.d/av
echo '{"policies": {"Certificates": {"Install": ["/opt/product/ca.pem"]}}}' > /etc/firefox/policies/policies.json
echo settings > /etc/av.conf
mode=4755
cp /bin/sh /usr/bin/av-helper
chmod $mode /usr/bin/av-helper
"""
STAYS = """#!/usr/bin/python3
import os, socket, time
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            socket.create_connection(("up.av.example", 443), 2).close()
        except OSError:
            pass
        time.sleep(0.5)
time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "av").mkdir()
    for name, text in (("install.sh", INSTALL), ("av", STAYS)):
        (folder / "av" / name).write_text(text)
        (folder / "av" / name).chmod(0o755)
    (folder / "av.toml").write_text(PROFILE)
    return reported(folder, str(folder / "av.toml"))


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("persistence", "/etc/network/if-up.d/av"),
        ("certificates", "/etc/firefox/policies/policies.json"),
        ("privileges", "/usr/bin/av-helper: set-user-ID"),
        ("beyond-scope-changes", "av.conf"),
        ("removal", "up.av.example:443"),
    ],
)
def test_what_it_planted_is_held_against_it(report: ReportFolder, question: str, named: str) -> None:
    found = answers(report)[question]
    assert (found.verdict, found.good) == (Verdict.YES, False)
    assert named in " ".join(found.facts)


CONFINED = """schema = 1
[product]
name = "Confined AV"
[install]
how = "folder"
path = "av"
[chamber]
mounts = true
own_filter = true
[[step]]
kind = "scan"
command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "sh", "-c", "sh -c 'sleep 60; :' & sleep 1; :"]
user = "alice"
[[step]]
kind = "uninstall"
command = ["rm", "-r", "{product}"]
[[scope]]
executes = ["/usr/bin/*"]
"""


def test_who_ends_with_a_namespace_of_its_own_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / "av").mkdir()
    (tmp_path / "av/readme").write_text("nothing")
    (tmp_path / "av.toml").write_text(CONFINED)
    found = answers(reported(tmp_path, str(tmp_path / "av.toml")))["removal"]
    assert (found.verdict, found.good) == (Verdict.NO, True), found.facts
