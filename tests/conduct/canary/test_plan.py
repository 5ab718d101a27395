"""The plan: one seed, one set of files; halves that differ in nothing that means anything; needles nobody else has."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from overt.conduct.canary.anchors import ANCHOR_BYTES
from overt.conduct.canary.bodies import bodies
from overt.conduct.canary.eicar import eicar
from overt.conduct.canary.formats.registry import FORMATS
from overt.conduct.canary.markings import MARKINGS
from overt.conduct.canary.plan import SPREAD, detected_pairs, plan
from overt.conduct.canary.planned import Planned
from overt.conduct.canary.plant import plant
from overt.conduct.canary.texts import SENTENCES
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Arm, Canary, Losses, Mode, Run, Side
from overt.core.errors import ConductError

SEED = 20_261_122
ROW_BYTES = 1_100
"""Of a picture or a database: sizes grow by so many at once."""


@pytest.fixture(scope="module")
def mixed() -> tuple[Planned, ...]:
    return plan(Arm.MIXED, SEED)


def canaries(planned: tuple[Planned, ...]) -> list[Planned]:
    return [item for item in planned if item.number is not None]


def test_markings_and_their_neutral_phrases_are_of_equal_length_and_ascii() -> None:
    for marking in MARKINGS:
        assert len(marking.words) == len(marking.neutral) and (marking.words + marking.neutral).isascii()
        assert marking.language in SENTENCES
    assert {marking.system for marking in MARKINGS} >= {
        "uk", "us", "nato", "eu", "de", "fr", "commercial", "medical", "banking"
    }  # fmt: skip
    assert {marking.language for marking in MARKINGS} == set(SENTENCES)


@pytest.mark.parametrize("arm", Arm)
def test_one_seed_is_one_set_of_files_and_another_another(arm: Arm) -> None:
    assert plan(arm, SEED, 4) == plan(arm, SEED, 4)
    tokens = {item.token for item in plan(arm, SEED, 4)}
    assert not (tokens & {item.token for item in plan(arm, SEED + 1, 4)}) - {""}


def test_a_half_is_the_same_in_every_arm_that_has_it(mixed: tuple[Planned, ...]) -> None:
    known = {item.path: item.data for item in mixed}
    for arm in (Arm.MARKED, Arm.PLAIN):
        assert all(known[item.path] == item.data for item in plan(arm, SEED))


def test_arms_hold_what_they_are_called(mixed: tuple[Planned, ...]) -> None:
    sides = {arm: Counter(item.side for item in canaries(plan(arm, SEED))) for arm in Arm}
    pairs = 16 + detected_pairs(16)
    assert sides[Arm.MIXED][Side.MARKED] == sides[Arm.MIXED][Side.PLAIN] == pairs
    assert sides[Arm.MARKED][Side.MARKED] == sides[Arm.PLAIN][Side.PLAIN] == pairs
    assert not sides[Arm.MARKED][Side.PLAIN] and not sides[Arm.PLAIN][Side.MARKED]
    bare = canaries(plan(Arm.NONE, SEED))
    assert [item.data for item in bare if not item.token] == [eicar()]
    assert {item.side for item in bare} == {Side.ALONE} and not any(item.secret for item in bare)
    text = b"".join(item.data for item in plan(Arm.NONE, SEED))
    assert not any(item.token.encode() in text for item in canaries(mixed) if item.pair or item.secret)
    assert not any(marking.words.encode() in text for marking in MARKINGS)


@pytest.mark.parametrize("arm", Arm)
def test_whatever_fills_a_home_is_sought(arm: Arm) -> None:
    """Only archives of the test file alone are anybody's; ordinary files are those of every arm."""
    planned = plan(arm, SEED)
    assert all(eicar() in item.data for item in planned if item.number is None)
    ordinary = {item.path: item.data for item in canaries(planned) if not (item.pair or item.secret)}
    assert ordinary == {item.path: item.data for item in canaries(plan(Arm.NONE, SEED))}
    assert len(ordinary) == len(SENTENCES) + 4


def test_every_format_system_and_language_comes_up(mixed: tuple[Planned, ...]) -> None:
    halves = [item for item in mixed if item.pair]
    assert {item.format for item in halves} == {form.name for form in FORMATS}
    assert {item.system for item in halves} == {marking.system for marking in MARKINGS}
    assert {item.language for seed in range(3) for item in plan(Arm.MARKED, seed)} >= set(SENTENCES)


def test_halves_differ_in_marking_token_and_noise_alone(mixed: tuple[Planned, ...]) -> None:
    halves: dict[int, list[Planned]] = {}
    for item in mixed:
        if item.pair:
            halves.setdefault(item.pair, []).append(item)
    for one, other in halves.values():
        assert {one.side, other.side} == {Side.MARKED, Side.PLAIN}
        assert (one.format, one.language, one.system, one.mtime, one.mode, one.detected) == (
            other.format, other.language, other.system, other.mtime, other.mode, other.detected
        )  # fmt: skip
        assert len(one.marking) == len(other.marking)
        assert os.path.dirname(one.path) == os.path.dirname(other.path)
        assert len(os.path.basename(one.path).split(".", 1)[1]) == len(
            os.path.basename(other.path).split(".", 1)[1]
        )
        assert abs(len(one.data) - len(other.data)) <= len(one.data) // SPREAD + ROW_BYTES


def test_marked_halves_are_not_to_be_told_by_size_or_place() -> None:
    bigger = 0
    for seed in range(12):
        sizes = {
            (item.pair, item.side): len(item.data)
            for item in plan(Arm.MIXED, seed, 8, secrets=False)
            if item.pair
        }
        pairs = {pair for pair, _ in sizes}
        bigger += sum(sizes[pair, Side.MARKED] > sizes[pair, Side.PLAIN] for pair in pairs)
        bigger -= sum(sizes[pair, Side.MARKED] < sizes[pair, Side.PLAIN] for pair in pairs)
    assert abs(bigger) < 40  # of 120 pairs: 4 standard deviations of a fair coin


def test_anchors_and_tokens_are_in_no_other_file(mixed: tuple[Planned, ...]) -> None:
    everything = [(item.number, (item.data, *item.pieces)) for item in mixed]
    for item in canaries(mixed):
        needles = [*item.anchors[::16], *([item.token.encode()] if item.token else [])]
        for number, parts in everything:
            if number != item.number:
                assert not any(needle in part for needle in needles for part in parts)
    assert all(len(anchor) == ANCHOR_BYTES for item in mixed for anchor in item.anchors)


def test_any_slice_of_three_kilobytes_of_a_document_holds_an_anchor(mixed: tuple[Planned, ...]) -> None:
    for item in mixed:
        if (
            item.format in ("docx", "pdf", "png", "jpeg", "text", "source", "zip", "tar.gz", "7z")
            and item.number
        ):
            for start in range(0, len(item.data) - 3_072, 512):
                part = item.data[start : start + 3_072]
                assert any(anchor in part for anchor in item.anchors), (item.path, start)


def test_secrets_carry_a_token_each_and_are_where_such_files_are(mixed: tuple[Planned, ...]) -> None:
    secrets = [item for item in mixed if item.secret]
    assert len({item.token for item in secrets}) == len(secrets) == 10
    assert {"ssh key", "browser passwords", "keyring", "wallet", "mail", "cloud credentials"} <= {
        item.secret for item in secrets
    }
    assert not any(item.secret for item in plan(Arm.MIXED, SEED, secrets=False))
    assert all(item.mode == 0o600 for item in secrets)


def test_names_are_random(mixed: tuple[Planned, ...]) -> None:
    """But for secrets and settings, which every home has by that name."""
    names = [os.path.basename(item.path) for item in canaries(mixed) if not item.secret]
    stems = [name.split(".")[0] for name in names if not name.startswith(".")]
    assert len(set(stems)) == len(stems) and all(len(stem) > 14 for stem in stems)


def test_what_is_planted_is_what_was_planned_and_belongs_to_the_user(
    mixed: tuple[Planned, ...], tmp_path: Path
) -> None:
    records = plant(mixed, tmp_path, os.getuid())
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    by_path = {"/home/" + item.path: item for item in mixed}
    for record in records:
        path = tmp_path / record.path.removeprefix("/home/")
        status = path.stat()
        assert path.read_bytes() == by_path[record.path].data and record.size == status.st_size
        assert stat.S_IMODE(status.st_mode) == by_path[record.path].mode
        assert status.st_uid == os.getuid() and status.st_mtime == by_path[record.path].mtime
    assert stat.S_IMODE((tmp_path / "alice/.ssh").stat().st_mode) == 0o700


def test_nothing_is_written_over_or_through_a_link(mixed: tuple[Planned, ...], tmp_path: Path) -> None:
    plant(mixed, tmp_path, os.getuid())
    with pytest.raises(ConductError, match="could not be planted"):
        plant(mixed, tmp_path, os.getuid())


@pytest.mark.parametrize("arm", Arm)
def test_bodies_come_out_again_from_what_a_run_says(arm: Arm, tmp_path: Path) -> None:
    planned = plan(arm, SEED, 6)
    (tmp_path / "homes").mkdir()
    run = ReportFolder(tmp_path / "report").new_run("one")
    run.write(Canary, plant(planned, tmp_path / "homes", os.getuid()))
    run.write_run(
        Run(
            name="one",
            arm=arm,
            seed=SEED,
            mode=Mode.SINK,
            began="2026-11-22T10:00:00Z",
            kernel="6",
            layers=(),
            capabilities=(),
            steps=(),
            losses=Losses(),
            blind=(),
        )
    )
    found = bodies(run)
    assert {number: parts[0] for number, parts in found.items()} == {
        item.number: item.data for item in canaries(planned)
    }
