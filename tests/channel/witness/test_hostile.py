"""Bundles that attack the archive which reads them: each costs one process, and is refused by name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from overt.channel import bundle, delta, layout, manifest
from overt.channel.release import Release
from overt.channel.tree import in_folder
from overt.channel.witness import following
from overt.channel.witness.archive import Archive, Outcome
from overt.channel.witness.following import Looking, look
from overt.core.errors import Malformed, OvertError
from overt.sandbox import landlock
from overt.sandbox.apart import TaskDied
from tests.channel.attacked import RULE, WORDS, attacked, crash
from tests.channel.publisher.world import World
from tests.channel.reading import impatient_readers, static_readers
from tests.channel.witness.conftest import Place
from tests.channel.witness.test_archive import Reviewed, Watch, watch, world

__all__ = ["watch", "world"]
pytestmark = pytest.mark.kernel


def publish_marked(world: Reviewed, word: str) -> Release:
    (world.rules / "marked.yar").write_text(RULE % ("marked", word))
    return world.publish_bytes(world.bundle())


@pytest.mark.parametrize("word", list(WORDS))
def test_a_reader_that_was_taken_over_costs_itself(world: Reviewed, watch: Watch, word: str) -> None:
    watch.archive = Archive(watch.place.folder / "archive", watch.state, attacked())
    assert watch.follow().new == 1
    publish_marked(world, word)
    watch.refused("release 1:", WORDS[word])
    assert watch.asked() == 503
    watch.archive = Archive(watch.place.folder / "archive", watch.state, static_readers())
    assert watch.follow().new == 1


def served_instead(world: Reviewed, made: Release, data: bytes) -> None:
    (world.public / layout.bundle(made.bundles[layout.TARGET])).write_bytes(data)


def test_a_bomb_is_refused(world: Reviewed, watch: Watch) -> None:
    watch.follow()
    watch.archive = Archive(watch.place.folder / "archive", watch.state, impatient_readers())
    served_instead(world, world.publish("second"), delta.compress(bytes(900 << 20)))
    watch.refused("release 1:", "the worker")  # short of memory, or of what a C library asks for then


def test_a_manifest_of_nothing_but_brackets(world: Reviewed, watch: Watch) -> None:
    watch.follow()
    whole = bundle.read(world.bundle("second"))
    deep = manifest.encode(whole.manifest).replace(b'"grounds":[]', b'"grounds":' + b"[" * 100_000, 1)
    data = bundle._archive({**whole.files, manifest.PATH: deep})
    with pytest.raises(Malformed, match="recursion"):
        static_readers().read(data)
    assert static_readers().read(bundle.build(whole.manifest, whole.files)).manifest == whole.manifest


def looking(place: Place, tmp_path: Path) -> Looking:
    return Looking(place.folder, tmp_path / "ledger", readers=lambda confined: static_readers())


def attempts(outside: Path, own: Path) -> dict[str, str]:
    """What a taken-over archive would try, and what came of it."""
    tried = {
        "write outside": lambda: outside.write_bytes(b"x"),
        "read the state to write": lambda: os.open(own / "witness.sqlite", os.O_RDWR),
        "remove the key": lambda: os.unlink(own / "witness.pem"),
        "make a socket": lambda: socket.socket(socket.AF_INET).close(),
        "start a program": lambda: subprocess.run(["/bin/true"], check=True),
        "signal its parent": lambda: os.kill(os.getppid(), 0),
    }
    answers = {}
    for name, act in tried.items():
        try:
            act()
            answers[name] = "went through"
        except OSError as error:
            answers[name] = error.strerror or "refused"
    return answers


@pytest.mark.parametrize("with_landlock", [True, False])
def test_what_looks_is_locked_down(
    place: Place, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_landlock: bool
) -> None:
    """It asks for its approvals, and can neither touch the witness's state and key nor reach out."""
    if not with_landlock:
        monkeypatch.setattr(landlock, "abi", lambda: 0)
    row = watch.state.log(watch.origin)
    assert row
    assert look(looking(place, tmp_path), watch.state, row) == Outcome(watch.origin, 1, 1)

    def attacked(*_: object) -> Outcome:
        raise OvertError(json.dumps(attempts(tmp_path / "outside", place.folder)))

    monkeypatch.setattr(following.Archive, "follow", attacked)
    with pytest.raises(OvertError) as raised:
        look(looking(place, tmp_path), watch.state, row)
    answers = json.loads(str(raised.value))
    assert "went through" not in answers.values(), answers
    assert (place.folder / "witness.pem").exists() and not (tmp_path / "outside").exists()


def test_what_looks_can_die_or_lie_about_its_own_log_only(
    place: Place, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = watch.state.log(watch.origin)
    assert row
    monkeypatch.setattr(following.Archive, "follow", lambda *_: crash())
    with pytest.raises(TaskDied, match="killed by signal 11"):
        look(looking(place, tmp_path), watch.state, row)
    monkeypatch.setattr(following.Archive, "follow", lambda self, *_: self._state._line.ask(b"\xc1"))
    with pytest.raises(TaskDied, match="broke its protocol"):
        look(looking(place, tmp_path), watch.state, row)
    assert watch.state.approved(watch.origin) is None


def test_honest_bundles_still_pass(world: Reviewed, watch: Watch) -> None:
    World.bundle(world, "second")
    world.publish()
    row = watch.state.log(watch.origin)
    assert row and watch.archive.follow(row, in_folder(world.public)).size == 2
