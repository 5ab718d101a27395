"""Publishing through the public surface, read back by python-tuf's client and by the log library."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from overt.channel import bundle, delta, layout
from overt.channel.publisher import change, proposal, publish, roles, state
from overt.channel.publisher.change import Rotation
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.status import status
from overt.channel.publisher.witnesses import WaitingForWitnesses
from overt.core.errors import ChannelError, Unproven
from tests.channel.publisher.world import World, no_secrets


def test_ngclient_and_log_agree_on_every_release(world: World, tmp_path: Path) -> None:
    for serial, name in enumerate(("one", "two", "three")):
        published = world.publish(name)
        updater = world.refresh(tmp_path / "client")
        info = updater.get_targetinfo(layout.TARGET)
        assert info is not None
        data = Path(updater.download_target(info)).read_bytes()
        release, accepted = world.accepted()
        assert release == published == world.log()[-1]
        assert release.serial == serial
        assert len(accepted.cosigned_s) == 4
        assert hashlib.sha256(data).hexdigest() == release.bundles[layout.TARGET]
        for role, pinned in (("root", release.root), ("targets", release.targets)):
            local = (tmp_path / "client" / f"{role}.json").read_bytes()
            assert hashlib.sha256(local).hexdigest() == pinned.sha256
        rules = [rule.name for rule in bundle.read(data).manifest.rules]
        assert sorted(rules) == sorted(("one", "two", "three")[: serial + 1])
    assert [release.serial for release in world.log()] == [0, 1, 2]


def test_snapshot_names_targets_by_hash(world: World) -> None:
    world.publish("one")
    present = state.read(world.desk)
    assert present is not None
    meta = present.snapshot.signed.meta["targets.json"]
    assert meta.hashes == {"sha256": hashlib.sha256(present.targets_bytes).hexdigest()}
    assert present.timestamp.signed.snapshot_meta.hashes is not None


def test_only_three_files_ever_change(world: World) -> None:
    world.publish("one")
    before = world.never_changing()
    world.publish("two")
    publish.renew(world.desk)
    after = world.never_changing()
    assert {path: after.get(path) for path in before} == before


def test_patches_lead_from_earlier_bundles_to_the_newest(world: World) -> None:
    releases = [world.publish(name) for name in ("one", "two", "three")]
    shas = [release.bundles[layout.TARGET] for release in releases]
    newest = delta.decompress((world.public / layout.bundle(shas[2])).read_bytes(), shas[2])
    for old in shas[:2]:
        before = delta.decompress((world.public / layout.bundle(old)).read_bytes(), old)
        patch = (world.public / layout.patch(old, shas[2])).read_bytes()
        assert delta.apply_patch(before, patch, shas[2]) == newest
        assert len(patch) < 1000


def test_patches_to_long_gone_bundles_are_removed(world: World) -> None:
    shas = [world.publish(name).bundles[layout.TARGET] for name in ("one", "two", "three", "four")]
    targets = {path.stem.partition("-")[2] for path in (world.public / "patches").iterdir()}
    assert targets == set(shas[2:])


def test_the_tree_is_readable_whatever_the_umask_is(world: World) -> None:
    old = os.umask(0o077)
    try:
        world.publish("one")
    finally:
        os.umask(old)
    for path in world.public.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o644), path
    for path in world.desk.keys.glob("*.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_quorum_clients_see_nothing_new(world: World, tmp_path: Path) -> None:
    world.publish("one")
    before = {path: data for path, data in world.files().items() if path in (layout.PROOF, layout.TIMESTAMP)}
    world.witnesses.down = {"w0", "w1"}
    with pytest.raises(WaitingForWitnesses, match="2 of 4 witnesses"):
        world.publish("two")
    assert {path: world.files()[path] for path in before} == before
    assert world.accepted()[0].serial == 0
    world.refresh(tmp_path / "client")
    assert len(world.log()) == 2
    assert status(world.desk).interrupted
    world.witnesses.down = set()
    outcome = publish.publish(world.desk)
    assert isinstance(outcome, publish.Published)
    assert outcome.release.serial == 1
    assert world.accepted()[0] == outcome.release


def test_one_absent_witness_does_not_stop_a_release(world: World) -> None:
    world.witnesses.down = {"w3"}
    world.publish("one")
    assert len(world.accepted()[1].cosigned_s) == 3
    world.witnesses.down = {"w0"}
    world.publish("two")  # w3 is behind, says so, and gets the proof from where it is
    assert {name for name, _ in world.accepted()[1].cosigned_s} == {"w1", "w2", "w3"}


def test_a_new_root_can_leave_dead_witnesses_behind(world: World, tmp_path: Path) -> None:
    world.publish("one")
    world.witnesses.down = {"w0", "w1"}
    with pytest.raises(WaitingForWitnesses):
        world.publish("two")
    alive = [line for line in world.witnesses.policy(3).splitlines() if line.split()[1] in ("w2", "w3")]
    policy = "\n".join([*alive, "group q all w2 w3", "quorum q", ""])
    change.propose_rotation(world.desk, Rotation(witnesses=policy), None)
    outcome = publish.publish(world.desk)
    assert isinstance(outcome, publish.Published)
    assert [release.serial for release in world.log()] == [0, 1, 2]
    assert world.accepted()[0].serial == 2
    world.refresh(tmp_path / "client")


def test_witnesses_by_files_that_a_person_carries(world: World) -> None:
    desk = Desk(world.desk.folder, no_secrets, world.clock, None)
    data = world.bundle("one")
    with pytest.raises(WaitingForWitnesses, match=r"\.request"):
        publish.publish(desk, data)
    names = {
        f"witness-{name}-{signer.key.key_id.hex()}": name for name, signer in world.witnesses.signers.items()
    }
    for request in desk.requests.glob("witness-*.request"):
        answer = world.witnesses.answer(names[request.stem], request.read_bytes())
        request.with_suffix(".response").write_bytes(answer.body)
    assert isinstance(publish.publish(desk), publish.Published)
    assert world.accepted()[0].serial == 0
    assert not list(desk.requests.iterdir())


def test_a_carried_conflict_corrects_the_next_request(world: World) -> None:
    world.publish("one")
    world.witnesses.down = {"w3"}
    world.publish("two")
    desk = Desk(world.desk.folder, no_secrets, world.clock, None)
    names = {
        f"witness-{name}-{signer.key.key_id.hex()}": name for name, signer in world.witnesses.signers.items()
    }
    data = world.bundle("three")
    for attempt in range(2):
        with pytest.raises(WaitingForWitnesses):
            publish.publish(desk, data if attempt == 0 else None)
        for request in desk.requests.glob("witness-w[0123]*.request"):
            name = names[request.stem]
            if name in ("w1", "w2", "w3"):
                answer = world.witnesses.answer(name, request.read_bytes())
                request.with_suffix(".response").write_bytes(answer.body)
    assert isinstance(publish.publish(desk), publish.Published)
    assert world.accepted()[0].serial == 2


def test_a_lying_witness_is_left_out(world: World) -> None:
    honest = world.witnesses.post

    def post(url: str, body: bytes) -> object:
        answer = honest(url, body)
        return type(answer)(200, answer.body[:-20] + b"AAAAAAAAAAAAAAAAAA==\n") if "w0" in url else answer

    desk = Desk(world.desk.folder, no_secrets, world.clock, post)  # type: ignore[arg-type]
    assert isinstance(publish.publish(desk, world.bundle("one")), publish.Published)
    assert {name for name, _ in world.accepted()[1].cosigned_s} == {"w1", "w2", "w3"}


def test_renewing_refreshes_what_expires_and_nothing_else(world: World, tmp_path: Path) -> None:
    world.publish("one")
    world.clock.ahead = timedelta(hours=30)
    with pytest.raises(Unproven):
        world.accepted()
    publish.renew(world.desk)
    assert world.accepted()[0].serial == 0
    present = state.read(world.desk)
    assert present is not None
    assert (present.timestamp.signed.version, present.snapshot.signed.version) == (2, 1)
    world.clock.ahead = timedelta(days=20)
    publish.renew(world.desk)
    present = state.read(world.desk)
    assert present is not None
    assert (present.timestamp.signed.version, present.snapshot.signed.version) == (3, 2)
    assert len(world.log()) == 1
    world.refresh(tmp_path / "client")


def test_a_release_that_waited_too_long_gets_a_fresh_timestamp(world: World) -> None:
    world.publish("one")
    world.witnesses.down = set(world.witnesses.signers)
    with pytest.raises(WaitingForWitnesses):
        world.publish("two")
    world.witnesses.down = set()
    world.clock.ahead = timedelta(days=5)
    publish.publish(world.desk)
    present = state.read(world.desk)
    assert present is not None
    assert present.timestamp.signed.expires > world.clock() + timedelta(days=1)
    assert present.timestamp.signed.version == 3


def test_rotation_is_followed_by_old_clients(world: World, tmp_path: Path) -> None:
    world.publish("one")
    bootstrap = world.first_root()
    world.refresh(tmp_path / "old")
    change.propose_rotation(world.desk, Rotation(new_keys=("snapshot", "log")), None)
    new_policy = roles.root_charter(roles.parse(_proposed_root(world), roles.Root, "root").signed).policy
    world.witnesses.trust(new_policy)
    outcome = publish.publish(world.desk)
    assert isinstance(outcome, publish.Published)
    assert outcome.release.root.version == 2
    updater = world.refresh(tmp_path / "old", bootstrap)
    assert updater.get_targetinfo(layout.TARGET)
    assert world.accepted()[0].serial == 1
    world.publish("two")
    world.refresh(tmp_path / "old", bootstrap)
    assert [release.root.version for release in world.log()] == [1, 2, 2]


def _proposed_root(world: World) -> bytes:
    found = proposal.parse(world.desk.proposal.read_bytes(), "proposal").root
    assert found is not None
    return roles.encode(found)


def test_every_rotation_changes_the_timestamp_key(world: World) -> None:
    world.publish("one")
    before = roles.roles_of(state.read(world.desk).root.signed).timestamp  # type: ignore[union-attr]
    change.propose_rotation(world.desk, Rotation(), None)
    publish.publish(world.desk)
    after = roles.roles_of(state.read(world.desk).root.signed).timestamp  # type: ignore[union-attr]
    assert {key.keyid for key in before.keys}.isdisjoint(key.keyid for key in after.keys)


def test_a_revoked_rule_stays_out_and_says_why(world: World) -> None:
    world.publish("good", "bad")
    change.propose_removal(world.desk, "bad", "hits payroll files")
    outcome = publish.publish(world.desk)
    assert isinstance(outcome, publish.Published)
    sha256 = outcome.release.bundles[layout.TARGET]
    contents = bundle.read(delta.decompress((world.public / layout.bundle(sha256)).read_bytes(), sha256))
    assert [rule.name for rule in contents.manifest.rules] == ["good"]
    assert [(one.rule, one.serial, one.reason) for one in contents.manifest.revoked] == [
        ("bad", 1, "hits payroll files")
    ]
    assert all(b"rule bad" not in data for data in contents.files.values())


def test_a_bundle_for_another_release_or_channel_is_refused(world: World) -> None:
    first = world.bundle("one")
    publish.publish(world.desk, first)
    with pytest.raises(ChannelError, match="built for release 0, and 1 comes next"):
        publish.publish(world.desk, first)
    with pytest.raises(ChannelError, match=r"not a tar archive|another encoding|missing"):
        publish.publish(world.desk, b"something else" * 1000)


def test_an_old_copy_of_the_tree_is_noticed(world: World, tmp_path: Path) -> None:
    world.publish("one")
    shutil.copytree(world.public, tmp_path / "old")
    world.publish("two")
    shutil.rmtree(world.public)
    shutil.copytree(tmp_path / "old", world.public)
    with pytest.raises(ChannelError, match="old copy"):
        world.publish("three")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"size": 1, "root": "zz"}', b'{"size": -1, "root": ""}', b"\xff"]
)
def test_a_damaged_note_of_what_was_published_is_told(world: World, data: bytes) -> None:
    world.publish("one")
    world.desk.published.write_bytes(data)
    with pytest.raises(ChannelError, match=r"published\.json.*backup"):
        world.publish("two")


def test_an_old_copy_of_everything_is_noticed_by_the_witnesses(world: World, tmp_path: Path) -> None:
    world.publish("one")
    shutil.copytree(world.desk.folder, tmp_path / "old")
    world.publish("two")
    shutil.rmtree(world.desk.folder)
    shutil.copytree(tmp_path / "old", world.desk.folder)
    with pytest.raises(WaitingForWitnesses, match="0 of 4"):
        world.publish("another")


def test_a_changed_published_file_is_never_overwritten(world: World) -> None:
    world.publish("one")
    squatted = world.public / layout.metadata("targets", 2)
    squatted.write_bytes(b"{}")
    with pytest.raises(ChannelError, match="TUF metadata"):
        world.publish("two")
    assert squatted.read_bytes() == b"{}"


def test_two_at_once_publish_one_after_the_other(world: World, tmp_path: Path) -> None:
    world.publish("zero")
    data = [world.bundle("one"), world.bundle("two")]
    outcomes: list[object] = []

    def run(one: bytes) -> None:
        try:
            outcomes.append(publish.publish(world.desk, one))
        except ChannelError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ChannelError", "Published"]
    assert [release.serial for release in world.log()] == [0, 1]
    world.refresh(tmp_path / "client")


def test_a_stolen_timestamp_key_alone_changes_nothing(world: World, tmp_path: Path) -> None:
    """A timestamp signed by a key that root does not name is refused: the harness does verify."""
    world.publish("one")
    path = world.public / layout.TIMESTAMP
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9', 1))
    with pytest.raises(RepositoryError):
        world.refresh(tmp_path / "client")


def test_status_tells_how_the_channel_stands(world: World) -> None:
    found = status(world.desk)
    assert (found.size, found.served, found.interrupted) == (0, None, False)
    assert found.warning
    world.publish("one")
    found = status(world.desk)
    assert (found.size, found.served) == (1, 0)
    assert found.faults_tolerated == 1
    assert found.outages_tolerated == 1
    assert all(witness.cosigned for witness in found.witnesses)
    assert {role.role: role.version for role in found.roles} == {
        "root": 1,
        "targets": 1,
        "snapshot": 1,
        "timestamp": 1,
    }
