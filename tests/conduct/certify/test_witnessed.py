"""The log of certificates before real witnesses: servers of their own on the loopback, asked by couriers."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from overt.channel.publisher.witnesses import WaitingForWitnesses
from overt.channel.witness import keys
from overt.channel.witness.state import FILE, State
from overt.cli.app import main
from overt.cli.voice import Exit
from overt.conduct.certify import log, office
from overt.conduct.certify.demand import Demand, demanded
from overt.conduct.certify.issuer import Issuer
from overt.core.errors import ChannelError, ConductError
from overt.ledger import Ledger
from overt.store.paths import paths
from overt.tlog.keys import SignatureType, VerifierKey
from tests.channel.witness.conftest import PASSPHRASE, Place
from tests.conduct.certify.test_certify import clean
from tests.conduct.report.conftest import Report

__all__ = ["clean"]

NAMES = ("north", "south", "east")


@dataclass
class Observer:
    """One witness and its server."""

    name: str
    place: Place
    key: VerifierKey
    server: subprocess.Popen[bytes]
    port: int

    def stop(self) -> None:
        self.place.stop(self.server)

    def again(self) -> None:
        """On the same port, with the same memory."""
        self.server, _ = self.place.serve("--listen", f"127.0.0.1:{self.port}")


@dataclass
class World:
    """An issuer, three witnesses, and a report to certify."""

    folder: Path
    observers: list[Observer]
    report: Report
    files: Path

    @property
    def issuer(self) -> Issuer:
        return Issuer(self.folder)

    def policy(self, threshold: int = 2) -> str:
        lines = [
            f"witness {one.name} {one.key.encode()} http://127.0.0.1:{one.port}" for one in self.observers
        ]
        return "\n".join((*lines, f"group all {threshold} {' '.join(NAMES)}", "quorum all", ""))

    def demand(self, **more: int) -> Demand:
        return demanded(self.policy().encode(), self.issuer.key().public, **more)

    def certify(self, *words: object, folder: Path | None = None) -> int:
        return main(["conduct", "certify", *map(str, words), "--folder", str(folder or self.folder)])

    def issue(self, folder: Path | None = None, days: int = 30) -> int:
        return self.certify(
            "issue",
            self.report.folder.path,
            "--lab-key",
            self.files / "lab.pub",
            "--days",
            days,
            folder=folder,
        )

    def certificate(self, number: int = 0) -> Path:
        entries = [one for one in self.entries() if one.kind == log.CERTIFICATE]
        return self.folder / "public/certificates" / f"{entries[number].sha256}.dsse.json"

    def entries(self) -> list[log.Entry]:
        return list(log.public_log(self.issuer.public, self.issuer.key().public).entries())

    def held(
        self, public: Path | None = None, later: timedelta = timedelta(), **more: Demand
    ) -> dict[str, bool]:
        """What a relying party finds, by default without a policy."""
        now = datetime.now(UTC) + later
        issuer = self.issuer
        _, checks = office.check(
            self.certificate().read_bytes(), public or issuer.public, issuer.key().public, now, **more
        )
        return {check.what: check.held for check in checks}


@pytest.fixture
def world(tmp_path: Path, clean: Report) -> Iterator[World]:
    issuer = Issuer(tmp_path / "certifier")
    own = log.log_key(issuer.key().public)
    observers = []
    for name in NAMES:
        place = Place(tmp_path / name)
        place.folder.mkdir(0o700)
        key = keys.generate(place.folder, f"{name}.example", SignatureType.ED25519_COSIGNATURE, PASSPHRASE)
        State.create(place.folder / FILE, (key,))
        place.state().add_log(own.name, (own,), "")
        observers.append(Observer(name, place, key, *place.serve()))
    made = World(issuer.folder, observers, clean, tmp_path)
    (tmp_path / "lab.pub").write_text(clean.key.text)
    (tmp_path / "issuer.pub").write_text(issuer.key().text)
    (tmp_path / "witnesses.txt").write_text(made.policy())
    assert made.certify("witnesses", tmp_path / "witnesses.txt") == Exit.OK
    yield made
    for one in observers:
        for process in one.place.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


def test_issued_witnessed_demanded_and_withdrawn(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.issue() == Exit.OK
    sent = [one.facts["url"] for one in Ledger.open(paths().ledger).entries() if one.kind == "send-request"]
    assert len(sent) == 3 and all(url.endswith("/add-checkpoint") for url in sent)
    verify = [
        "conduct",
        "certify",
        "verify",
        str(world.certificate()),
        "--issuer-key",
        str(world.files / "issuer.pub"),
    ]
    verify += ["--policy", str(world.files / "witnesses.txt")]
    proof = world.folder / "public/proofs" / world.certificate().name.replace(".dsse.json", ".tlog-proof")
    capsys.readouterr()
    assert main([*verify, "--proof", str(proof)]) == Exit.OK
    said = capsys.readouterr().out
    assert "witnesses: cosigned by north, south, east" in said and "unseen  withdrawal" in said
    assert main([*verify, "--log", str(world.issuer.public)]) == Exit.OK
    assert "withdrawal: none in the log" in capsys.readouterr().out
    assert world.certify("withdraw", world.certificate().name[:12], "--reason", "refuted") == Exit.OK
    assert main([*verify, "--log", str(world.issuer.public)]) == Exit.ERROR
    said = capsys.readouterr().out
    assert "witnesses: cosigned by north, south, east" in said and "withdrawn: refuted" in said


def test_without_a_policy_it_is_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.issue() == Exit.OK
    words = ["--issuer-key", str(world.files / "issuer.pub"), "--log", str(world.issuer.public)]
    assert main(["conduct", "certify", "verify", str(world.certificate()), *words]) == Exit.OK
    said = capsys.readouterr().out
    assert "unseen  witnesses" in said and "unseen  package" in said and "unseen  report" in said


def test_one_witness_may_be_away_and_two_may_not(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.observers[0].stop()
    assert world.issue() == Exit.OK
    assert world.held(demand=world.demand())["witnesses"]
    world.observers[1].stop()
    assert world.issue(days=40) == Exit.ERROR
    assert "It is entered, and public; 'overt conduct certify renew'" in capsys.readouterr().err
    assert len(world.entries()) == 2
    assert not world.held(demand=world.demand())["witnesses"], (
        "too few: what is not witnessed is not believed"
    )
    assert len(list((world.issuer.public / "proofs").iterdir())) == 1
    world.observers[1].again()
    assert world.certify("renew") == Exit.OK
    assert all(world.held(demand=world.demand()).values())
    assert len(list((world.issuer.public / "proofs").iterdir())) == 2


def test_a_proof_is_renewed_until_its_certificate_is_withdrawn(world: World) -> None:
    """Cosignatures count for some days only, and the first proof was made before there was any witness."""
    (world.folder / "witnesses.txt").unlink()
    assert world.issue() == Exit.OK
    issuer, envelope = world.issuer.key().public, world.certificate().read_bytes()
    path = world.issuer.public / "proofs" / f"{world.entries()[0].sha256}.tlog-proof"

    def witnessed() -> bool:
        now = datetime.now(UTC)
        _, checks = office.check_offline(envelope, path.read_bytes(), issuer, now, demand=world.demand())
        return all(check.held for check in checks)

    assert not witnessed()
    assert world.certify("witnesses", world.files / "witnesses.txt") == Exit.OK
    assert world.certify("renew") == Exit.OK and witnessed()
    assert world.certify("withdraw", world.certificate().name[:12], "--reason", "refuted") == Exit.OK
    last = path.read_bytes()
    assert world.certify("renew") == Exit.OK and path.read_bytes() == last


def test_a_second_history_is_refused_by_the_witnesses(world: World, tmp_path: Path) -> None:
    """A copy of the issuer's folder, in which what the first withdraws stays valid."""
    assert world.issue() == Exit.OK
    other = tmp_path / "other"
    shutil.copytree(world.folder, other)
    assert world.certify("withdraw", world.certificate().name[:12], "--reason", "refuted") == Exit.OK
    assert world.issue(folder=other, days=31) == Exit.ERROR
    shown = world.held(other / "public")
    assert all(shown.values()), "without a policy, nobody can tell"
    assert not world.held(other / "public", demand=world.demand())["witnesses"]
    assert world.held(demand=world.demand()) == world.held() | {"witnesses": True, "withdrawal": False}


def test_an_old_copy_is_believed_for_so_many_days_only(world: World, tmp_path: Path) -> None:
    assert world.issue() == Exit.OK
    old = tmp_path / "old"
    shutil.copytree(world.issuer.public, old)
    assert world.certify("withdraw", world.certificate().name[:12], "--reason", "refuted") == Exit.OK
    week = timedelta(days=7, minutes=1)
    assert all(world.held(old, week).values()), "without a policy, for ever"
    assert all(world.held(old, demand=world.demand()).values()), "the bound that the page states"
    assert not world.held(old, week, demand=world.demand())["witnesses"]
    assert not world.held(old, timedelta(hours=2), demand=world.demand(max_age_s=3600))["witnesses"]


def test_witnesses_by_hand(world: World) -> None:
    issuer = world.issuer
    with pytest.raises(WaitingForWitnesses):
        office.issue(issuer, world.report.folder.path, world.report.key.text, None, datetime.now(UTC))
    asked = sorted((world.folder / "requests").glob("*.request"))
    assert len(asked) == 3
    for request, one in zip(asked, sorted(world.observers, key=lambda one: one.name)):
        said = one.place.office().add_checkpoint(request.read_bytes())
        request.with_suffix(".response").write_bytes(said.body)
    assert world.certify("renew", "--by-hand") == Exit.OK
    assert all(world.held(demand=world.demand()).values())


def test_demands_that_demand_nothing_or_of_another_log(world: World) -> None:
    public = world.issuer.key().public
    with pytest.raises(ConductError, match="demands no witness"):
        demanded(b"quorum none\n", public)
    stranger = Issuer(world.files / "stranger").key().public
    other = f"log {log.log_key(stranger).encode()}\n{world.policy()}".encode()
    with pytest.raises(ConductError, match="the policy is of the log"):
        demanded(other, public)
    own = f"log {log.log_key(public).encode()}\n{world.policy()}".encode()
    assert demanded(own, public) == world.demand()


def test_witnesses_that_could_be_split_are_not_named(world: World) -> None:
    with pytest.raises(ChannelError, match="two quorums need not share a witness"):
        world.issuer.name_witnesses(world.policy(1))


def test_each_issuer_has_a_log_of_its_own(world: World) -> None:
    stranger = Issuer(world.files / "stranger").key().public
    names = {log.log_key(key).name for key in (stranger, world.issuer.key().public)}
    assert len(names) == 2
    assert world.issue() == Exit.OK
    _, checks = office.check(
        world.certificate().read_bytes(), world.issuer.public, stranger, datetime.now(UTC)
    )
    assert [(one.what, one.held) for one in checks] == [("signature", False)]
