"""What the first run installed is there in later ones, as it was left: also what was put into the homes."""

from __future__ import annotations

import pytest

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Change, Changed, StepKind
from tests.conduct.lab import answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROFILE = """schema = 1
[product]
name = "Small AV"
[install]
how = "script"
path = "av/install.sh"
[[step]]
kind = "scan"
command = ["{product}/av"]
user = "alice"
[[scope]]
reads = ["/home/alice/Documents/**"]
executes = ["/usr/bin/*"]
"""
INSTALL = """#!/bin/sh
echo system > /etc/av.conf
mkdir -p /root/.av && echo root > /root/.av/config
mkdir -p /home/alice/.config/av && echo mine > /home/alice/.config/av/rc && chmod 600 /home/alice/.config/av/rc
ln -s /etc/passwd /home/alice/.config/av/link
chown -hR alice: /home/alice/.config
mkfifo /home/alice/.config/av/pipe
"""
AV = """#!/bin/sh
read -r one < /etc/av.conf; read -r two < /home/alice/.config/av/rc
echo "$one $two"; stat -c '%U %a %N' /home/alice/.config/av/rc /home/alice/.config/av/link
cat /home/alice/Documents/*.txt > /dev/null 2>&1; exit 0
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    folder = tmp_path_factory.mktemp("installed")
    (folder / "av").mkdir()
    for name, text in (("install.sh", INSTALL), ("av", AV)):
        (folder / "av" / name).write_text(text)
        (folder / "av" / name).chmod(0o755)
    (folder / "av.toml").write_text(PROFILE)
    return reported(folder, str(folder / "av.toml"), "--runs", "2")


def test_it_finds_what_it_had_put_into_the_homes(report: ReportFolder) -> None:
    first, second = report.runs()
    assert [StepKind.INSTALL in {step.kind for step in run.run().steps} for run in (first, second)] == [
        True,
        False,
    ]
    said = [(run.path / run.run().steps[-1].output).read_text() for run in (first, second)]
    assert said[0] == said[1]
    assert said[0].splitlines() == [
        "system mine",
        "alice 600 '/home/alice/.config/av/rc'",
        "alice 777 '/home/alice/.config/av/link' -> '/etc/passwd'",
    ]


def test_it_is_no_change_of_the_second_run_and_its_own_to_read(report: ReportFolder) -> None:
    second = report.runs()[1]
    assert not [change for change in second.read(Change) if change.changed is Changed.ADDED]
    found = answers(report)["beyond-scope-reads"]
    assert found.good is not False, found  # its installer lists folders


def test_what_could_not_be_kept_is_said(report: ReportFolder) -> None:
    """A pipe is no file."""
    words = [blind.what for blind in report.runs()[1].run().blind]
    assert any("1 file too many or too large" in one for one in words), words
