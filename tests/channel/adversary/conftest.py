"""One honest beginning for all attacks, made once: a channel with two releases, and a machine that has both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from overt.channel.client.jobs import Workers
from overt.channel.client.outcome import Updated
from overt.cli.app import main
from tests.channel.adversary.forge import PUBLISHER
from tests.channel.adversary.machine import Machine, Run
from tests.channel.adversary.scene import Scene, begin


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """The real ones, confined."""
    made = Workers()
    yield made
    made.close()


@dataclass(frozen=True)
class Beginning:
    """The channel, and the home of the machine that follows it."""

    scene: Scene
    home: Path


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> Beginning:
    """Releases 0 and 1, installed one after the other."""
    home = tmp_path_factory.mktemp("beginning") / "home"
    scene = begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERT_HOME", str(home))
        machine = Machine(home, workers, lambda *words: (2, ""))
        machine.subscribe("bank", scene.trees[0]["metadata/1.root.json"])
        for serial, tree in enumerate(scene.trees):
            outcome = machine.update(tree)
            assert isinstance(outcome, Updated), outcome
            assert outcome.installed.serial == serial
    assert PUBLISHER.witnesses == 0
    return Beginning(scene, home)


@pytest.fixture
def overt(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line, in this process."""

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(list(words))
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def scene(beginning: Beginning) -> Scene:
    """The honest channel after release 1, in a world of this test's own."""
    return beginning.scene.fresh()


@pytest.fixture
def machine(beginning: Beginning, overt_home: Path, workers: Workers, overt: Run) -> Machine:
    """A machine that has release 1."""
    shutil.copytree(beginning.home, overt_home, symlinks=True)
    return Machine(overt_home, workers, overt)
