"""Bundles and sources that attack the monitor: each costs one process, and is an alarm about that one release."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_in

from overt.channel import bundle as bundles
from overt.channel import delta, layout, manifest
from overt.channel.monitor import following, rebuild
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.following import Looking, Said, look
from overt.channel.monitor.places import Places
from overt.channel.monitor.rebuild import Builders
from overt.channel.monitor.round import Outcome
from overt.channel.monitor.site import look as looks
from overt.channel.release import Release
from overt.core.errors import Malformed, OvertError
from overt.sandbox import landlock
from overt.sandbox.expendable import Bounds, Expendables
from overt.sandbox.nursery import Kind as NurseryKind
from overt.sandbox.policy import BUILDER, BUILDERS
from tests.channel.attacked import RULE, WORDS, attacked, crash
from tests.channel.monitor.conftest import PATIENCE_S, Channel, Watching
from tests.channel.reading import impatient_readers, static_readers

pytestmark = pytest.mark.kernel


def publish_marked(channel: Channel, word: str) -> Release:
    channel.write("marked", RULE % ("marked", word))
    return channel.publish_bytes(channel.bundle())


@pytest.mark.parametrize("word", list(WORDS))
def test_a_reader_that_was_taken_over_costs_itself(channel: Channel, watching: Watching, word: str) -> None:
    watching.watch = replace(watching.watch, readers=attacked())
    watching.look(with_sources=False)
    publish_marked(channel, word)
    (channel.rules / "marked.yar").unlink()
    channel.publish("three")
    assert watching.look(with_sources=False) == Outcome(2, 3)
    found = watching.alarms()
    assert {one.serial for one in found} <= {1, 2}, "the release after it is compared with it"
    first = next(one for one in found if one.serial == 1)
    assert WORDS[word] in first.text
    assert first.kind is (Kind.FALSE_RELEASE if word == "rubbish" else Kind.UNREADABLE)
    assert looks.tone(watching.state) == "infected"
    count = len(watching.alarms())
    watching.look(with_sources=False)
    assert len(watching.alarms()) == count


def test_a_bomb_is_a_file_that_is_not_there(channel: Channel, watching: Watching) -> None:
    watching.watch = replace(watching.watch, readers=impatient_readers())
    made = channel.publish("two")
    path = channel.public / layout.bundle(made.bundles[layout.TARGET])
    whole = path.read_bytes()
    path.write_bytes(delta.compress(bytes(900 << 20)))
    watching.look()
    row = watching.state.release(1)
    assert row and "the worker" in row.missing  # short of memory, or of what a C library asks for then
    path.write_bytes(whole)
    watching.look()
    row = watching.state.release(1)
    assert row and not row.missing and row.rebuilt.endswith("byte for byte")


@pytest.mark.parametrize("review", [{}, {"level": []}, {"level": {}}, {"level": 3}], ids=str)
def test_a_review_that_is_none(channel: Channel, review: dict[str, object]) -> None:
    """A manifest may hold anything there, as far as its form goes."""
    found = bundles.read(channel.bundle("two"))
    rules = tuple(replace_in(rule, review=review) for rule in found.manifest.rules)
    forged = replace_in(found.manifest, rules=rules)
    data = bundles._archive({**found.files, manifest.PATH: manifest.encode(forged)})
    with pytest.raises(Malformed, match="states no level"):
        static_readers().read(data)
    with pytest.raises(Malformed, match="states no level"):
        bundles.read(data)


NARROW = Bounds(max_memory_bytes=768 << 20, max_answer_bytes=1 << 20, deadline_s=5)


def flood() -> None:
    kept = []
    while True:
        kept.append(bytes(1 << 26))


def loop() -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("act", "words"),
    [(crash, "died"), (loop, "took longer than 5 s"), (flood, "died")],
    ids=["crash", "loop", "memory"],
)
def test_a_builder_that_was_taken_over_costs_itself(
    channel: Channel,
    watching: Watching,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[], None],
    words: str,
) -> None:
    scratch = watching.folder / "other"
    scratch.mkdir()
    monkeypatch.setattr(rebuild, "build", lambda *_: act())
    builders = Builders(scratch, bounds=NARROW)
    folder = channel.sources_folder / "0"
    shutil.make_archive(str(folder), "gztar", folder)
    shutil.rmtree(folder)
    watching.watch = replace(watching.watch, builders=builders)
    watching.look()
    builders.close()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.UNREPRODUCIBLE and words in alarm.text and alarm.serial == 0
    assert not any(scratch.iterdir()), "what the dead builder unpacked is removed"


def _outcomes(tried: dict[str, Callable[[], object]]) -> dict[str, str]:
    answers = {}
    for name, attempt in tried.items():
        try:
            attempt()
            answers[name] = "went through"
        except OSError as error:
            answers[name] = error.strerror or "refused"
    return answers


def attempts(outside: Path) -> dict[str, str]:
    """What a taken-over process would try, and what came of it."""
    return _outcomes(
        {
            "write": lambda: outside.write_bytes(b"x"),
            "make a folder": lambda: outside.mkdir(),
            "change a mode": lambda: os.chmod(outside.parent, 0o777),
            "make a socket": lambda: socket.socket(socket.AF_INET).close(),
            "start a program": lambda: subprocess.run(["/bin/true"], check=True),
            "start a process": lambda: os._exit(0) if os.fork() == 0 else None,
            "signal its parent": lambda: os.kill(os.getppid(), 0),
        }
    )


@pytest.fixture(params=[True, False], ids=["landlock", "mounts"])
def layer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Landlock, and on a kernel that has none."""
    if not request.param:
        monkeypatch.setattr(landlock, "abi", lambda: 0)


def test_what_a_builder_may_do(layer: None, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def answer(question: bytes) -> bytes:
        (scratch / "own").write_bytes(question)
        return json.dumps(attempts(tmp_path / "outside")).encode()

    expendables = Expendables(answer, NARROW, kind=NurseryKind(BUILDERS, BUILDER, (scratch,)))
    answers = json.loads(expendables.ask(b"written"))
    expendables.close()
    assert (scratch / "own").read_bytes() == b"written"
    assert "went through" not in answers.values(), answers


def looking(channel: Channel, tmp_path: Path) -> Looking:
    places = Places(str(channel.public), sources=str(channel.sources_folder))
    return Looking(
        tmp_path / "state",
        tmp_path / "site",
        "",
        places,
        PATIENCE_S,
        tmp_path / "ledger",
        root=channel.first_root(),
        policy_witnesses=False,
        readers=lambda confined: static_readers(),
    )


def test_what_looks_is_locked_down(
    layer: None, channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.publish("one")
    said: list[Said] = []
    assert look(looking(channel, tmp_path), said.append, lambda told: "")
    assert "1 release taken in, 1 in all" in said[0].text
    assert (tmp_path / "site" / "index.html").stat().st_mode & 0o777 == 0o644
    page = next((tmp_path / "site" / "releases").iterdir()).read_text()
    assert "byte for byte" in page

    def attack(*_: object) -> Outcome:
        raise OvertError(json.dumps(attempts(tmp_path / "outside")))

    monkeypatch.setattr(following.Round, "look", attack)
    with pytest.raises(OvertError) as raised:
        look(looking(channel, tmp_path), said.append, lambda told: "")
    answers = json.loads(str(raised.value))
    assert "went through" not in answers.values(), answers
