"""The ceremony as people hold it: each holder in a folder of his own, everything through the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import jsonschema
import pytest

from overt.channel.publisher import keys, online, publish, roles, state
from overt.channel.publisher import proposal as proposals
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.status import status
from overt.channel.publisher.witnesses import WaitingForWitnesses
from overt.cli import asking
from overt.cli.app import main
from overt.cli.render import channel as rendering
from overt.cli.voice import Exit
from overt.core.errors import ChannelError
from tests.channel.publisher.world import ORIGIN, RULE, World
from tests.conftest import require

SCHEMA = Path(__file__).parents[3] / "docs/schema/channel-status-1.schema.json"
ROOT, TARGETS = ("alice", "bob", "carol", "dave", "erin"), ("frank", "grace", "heidi")
SOFTHSM = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")


def overt(*arguments: object, secret: str = "") -> int:
    """Run a command; `secret` goes through a pipe."""
    words = [str(argument) for argument in arguments]
    if not secret:
        return main(["channel", *words])
    reading, writing = os.pipe()
    os.write(writing, secret.encode() + b"\n")
    os.close(writing)
    try:
        return main(["channel", *words, "--passphrase-fd", str(reading)])
    finally:
        os.close(reading)


def passphrase(name: str) -> str:
    return f"the secret of {name}"


ONLINE = passphrase("the machine")


@pytest.fixture(autouse=True)
def fresh_descriptors() -> Iterator[None]:
    """A number is used again by another pipe here, which a command never sees."""
    yield
    _forget()


def _forget() -> None:
    asking._read.cache_clear()


class Ceremony:
    """Holders, each on a machine of his own, and the publisher."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = world.folder / "ceremony"
        self.channel = self.folder / "publisher" / "acme"
        self.channel.parent.mkdir(parents=True)
        for name in (*ROOT, *TARGETS):
            self.make_key(name)

    def make_key(self, name: str) -> Path:
        home = self.folder / name
        home.mkdir()
        _forget()
        assert overt("key", name, "--to", home, secret=passphrase(name)) == Exit.OK
        return home / f"{name}.pub"

    def public(self, name: str) -> Path:
        """The key as it was carried to the publisher."""
        return Path(shutil.copy(self.folder / name / f"{name}.pub", self.channel.parent))

    def init(self, *more: object) -> int:
        witnesses = self.channel.parent / "witnesses.txt"
        witnesses.write_text(self.world.witnesses.policy(3))
        words: list[object] = [
            "init",
            self.channel,
            "--name",
            "test",
            "--origin",
            ORIGIN,
            "--witnesses",
            witnesses,
        ]
        for name in ROOT:
            words += ["--root-key", self.public(name)]
        for name in TARGETS:
            words += ["--targets-key", self.public(name)]
        _forget()
        return overt(*words, *more, secret=ONLINE)

    def sign(self, name: str, *more: object) -> Path:
        """Carry the request there, sign, carry the signatures back."""
        home = self.folder / name
        request = shutil.copy(self.channel / "requests" / "signing-request.json", home)
        target = home / "signatures.json"
        _forget()
        words = ("sign", request, "--key", home / f"{name}.pem", "--to", target, "--yes", *more)
        assert overt(*words, secret=passphrase(name)) == Exit.OK
        return Path(shutil.copy(target, self.channel.parent / f"{name}.signatures.json"))

    def desk(self) -> Desk:
        return Desk(self.channel, lambda what: ONLINE, self.world.clock, self.world.witnesses.post)

    def trust(self) -> None:
        found = proposals.parse((self.channel / "proposal.json").read_bytes(), "proposal")
        self.world.witnesses.trust(roles.root_charter(found.new_root).policy)


@pytest.fixture
def ceremony(tmp_path: Path) -> Ceremony:
    return Ceremony(World(tmp_path / "world"))


def rules(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yar").write_text(RULE % (name, name))
    return folder


def build(ceremony: Ceremony, *names: str) -> Path:
    target = ceremony.channel.parent / "rules.tar"
    made = overt(
        "build", ceremony.channel, rules(ceremony.folder / "rules", *names), "-o", target, "--author", "Acme",
        "--licence", "CC0-1.0", "--origin", "https://example.org/rules",
    )  # fmt: skip
    assert made == Exit.OK
    return target


def test_three_of_five_and_two_of_three_who_never_meet(
    ceremony: Ceremony, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ceremony.init() == Exit.OK
    ceremony.trust()
    bundle = build(ceremony, "one")
    desk = ceremony.desk()
    assert isinstance(publish.publish(desk, bundle.read_bytes()), publish.Waiting)
    capsys.readouterr()
    signed = [ceremony.sign(name) for name in ("alice", "carol")]
    shown = capsys.readouterr().out
    assert "root: 3 of alice" in shown
    assert "group q 3 w0 w1 w2 w3" in shown
    waiting = publish.publish(desk, None, signed)
    assert isinstance(waiting, publish.Waiting)
    assert [str(one).split(" of ")[0] for one in waiting.missing] == ["root: 1 more", "targets: 2 more"]
    assert waiting.missing[0].holders == ("bob", "dave", "erin")
    signed = [ceremony.sign(name, "--bundle", bundle) for name in ("erin", "frank", "grace")]
    assert "bundle for release 0: 1 rule," in capsys.readouterr().out
    outcome = publish.publish(desk, None, signed)
    assert isinstance(outcome, publish.Published)
    world = ceremony.world
    world.desk = desk
    world.refresh(tmp_path / "client")
    assert world.accepted()[0] == outcome.release
    root = state.read(desk)
    assert root is not None
    assert not root.charter.development
    assert sorted(root.root.signatures) == sorted(
        keys.read_public(ceremony.public(name)).keyid for name in ("alice", "carol", "erin")
    )


def published(ceremony: Ceremony) -> Desk:
    ceremony.init()
    ceremony.trust()
    desk = ceremony.desk()
    publish.publish(desk, build(ceremony, "one").read_bytes())
    signed = [ceremony.sign(name) for name in ("alice", "bob", "carol", "frank", "grace")]
    assert isinstance(publish.publish(desk, None, signed), publish.Published)
    return desk


def test_a_stolen_key_is_revoked_and_replaced(
    ceremony: Ceremony, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = published(ceremony)
    world = ceremony.world
    world.desk = desk
    world.refresh(tmp_path / "client")
    bootstrap = world.first_root()
    ceremony.make_key("ivan")
    _forget()
    words = ("revoke", ceremony.channel, "--key", "grace", "--instead", ceremony.public("ivan"))
    assert overt(*words, secret=ONLINE) == Exit.OK
    said = capsys.readouterr().out
    assert re.search(r"GONE from targets: grace", said)
    assert re.search(r"NEW in targets: ivan", said)
    with pytest.raises(AssertionError):
        ceremony.sign("grace")
    signed = [ceremony.sign(name) for name in ("alice", "dave", "erin", "frank", "ivan")]
    outcome = publish.publish(desk, None, signed)
    assert isinstance(outcome, publish.Published)
    assert (outcome.release.root.version, outcome.release.targets.version) == (2, 2)
    world.refresh(tmp_path / "client", bootstrap)
    found = state.read(desk)
    assert found is not None
    assert {keys.holder_of(key) for key in roles.roles_of(found.root.signed).targets.keys} == {
        "frank",
        "heidi",
        "ivan",
    }


def test_signatures_are_only_taken_for_what_is_proposed_now(ceremony: Ceremony) -> None:
    desk = published(ceremony)
    publish.publish(desk, build(ceremony, "two").read_bytes())
    old = ceremony.sign("frank")
    publish.publish(desk, build(ceremony, "three").read_bytes())
    with pytest.raises(ChannelError, match="signed another proposal"):
        publish.publish(desk, None, [old])
    forged = json.loads(ceremony.sign("grace").read_bytes())
    forged["signatures"][0]["sig"] = "00" * 64
    path = ceremony.folder / "forged.json"
    path.write_text(json.dumps(forged, sort_keys=True, separators=(",", ":")))
    with pytest.raises(ChannelError, match="is not good"):
        publish.publish(desk, None, [path])
    stranger = ceremony.make_key("mallory").with_suffix(".pem")
    _forget()
    request = ceremony.channel / "requests" / "signing-request.json"
    assert overt("sign", request, "--key", stranger, "--yes", secret=passphrase("mallory")) == Exit.ERROR


def test_the_same_command_goes_on_when_witnesses_were_away(ceremony: Ceremony) -> None:
    ceremony.init()
    ceremony.trust()
    desk = ceremony.desk()
    publish.publish(desk, build(ceremony, "one").read_bytes())
    signed = [ceremony.sign(name) for name in ("alice", "bob", "carol", "frank", "grace", "heidi")]

    def away(url: str, body: bytes) -> NoReturn:
        raise OSError("out of reach")

    for _ in range(2):
        with pytest.raises(WaitingForWitnesses):
            publish.publish(replace(desk, post=away), None, signed)
    assert isinstance(publish.publish(desk, None, signed), publish.Published)


def test_the_bundle_that_is_signed_can_be_checked(
    ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = published(ceremony)
    publish.publish(desk, build(ceremony, "two").read_bytes())
    other = ceremony.folder / "other.tar"
    other.write_bytes(b"another bundle")
    _forget()
    home = ceremony.folder / "frank"
    request = ceremony.channel / "requests" / "signing-request.json"
    words = ("sign", request, "--key", home / "frank.pem", "--bundle", other, "--yes")
    assert overt(*words, secret=passphrase("frank")) == Exit.ERROR
    assert "it is not what is to be signed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more, message",
    [
        (("--root-threshold", "6"), "can't be met"),
        (("--development",), "makes its own keys"),
        (("--name", "../x"), "can't name a channel"),
        (("--origin", "has a blank"), "origin"),
        (("--origin", "https://rules.example.org/acme"), "leave the scheme out"),
    ],
)
def test_plans_that_cannot_be_kept(
    ceremony: Ceremony, more: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ceremony.init(*more) == Exit.ERROR
    assert message in capsys.readouterr().err
    assert not ceremony.channel.exists()
    assert [path.name for path in ceremony.channel.parent.iterdir() if path.name.startswith(".")] == []


def test_a_holder_counts_once(ceremony: Ceremony, capsys: pytest.CaptureFixture[str]) -> None:
    assert ceremony.init("--root-key", ceremony.public("alice")) == Exit.ERROR
    assert "is given twice" in capsys.readouterr().err
    assert not ceremony.channel.exists()


def test_who_is_missing_is_said_before_a_passphrase_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert overt("init", tmp_path / "acme", "--name", "acme", "--origin", ORIGIN) == Exit.ERROR
    assert "--root-key, --targets-key, --witnesses missing" in capsys.readouterr().err


def test_a_mistake_in_the_witnesses_is_named_by_its_line(
    ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    witnesses = ceremony.folder / "mistaken.txt"
    witnesses.write_text(f"# ours\n{ceremony.world.witnesses.policy(3)}nonsense\n")
    line = witnesses.read_text().count("\n")
    assert ceremony.init("--witnesses", witnesses) == Exit.ERROR
    assert f"line {line}: 'nonsense'" in capsys.readouterr().err


def test_a_key_may_not_serve_both_offline_roles(
    ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ceremony.init("--targets-key", ceremony.public("alice")) == Exit.ERROR
    assert "their holders must differ" in capsys.readouterr().err


def test_witnesses_that_need_not_agree_are_refused(
    ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    ceremony.world.quorum = 2
    witnesses = ceremony.folder / "two-of-four.txt"
    witnesses.write_text(ceremony.world.witnesses.policy(2))
    assert ceremony.init("--witnesses", witnesses) == Exit.ERROR
    assert "more than half" in capsys.readouterr().err


def test_keys_are_encrypted_and_never_overwritten(
    ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ceremony.folder / "alice" / "alice.pem"
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert path.stat().st_mode & 0o777 == 0o600
    _forget()
    assert overt("key", "alice", "--to", path.parent, secret="another secret") == Exit.ERROR
    assert "is there already" in capsys.readouterr().err
    _forget()
    assert overt("key", "zoe", "--to", path.parent, secret="short") == Exit.ERROR
    assert "too short" in capsys.readouterr().err
    with pytest.raises(ChannelError, match="wrong passphrase"):
        keys.load_private(path, lambda what: "not the passphrase")


def test_renewing_asks_for_one_passphrase_and_status_for_none(
    ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = published(ceremony)
    asked: list[str] = []

    def ask(what: str) -> str:
        asked.append(what)
        return ONLINE

    publish.renew(Desk(desk.folder, online.once(ask), desk.now, desk.post))
    assert asked == ["passphrase of the online keys"]
    capsys.readouterr()
    assert overt("status", ceremony.channel) == Exit.OK
    assert "tolerates 1 faulty witness, and 1 out of reach" in capsys.readouterr().out
    assert overt("status", ceremony.channel, "--json") == Exit.OK
    jsonschema.validate(json.loads(capsys.readouterr().out), json.loads(SCHEMA.read_text()))


def test_status_warns_before_it_is_too_late(
    world_status: Callable[[timedelta], tuple[bool, list[str]]],
) -> None:
    assert world_status(timedelta(0)) == (False, [])
    assert world_status(timedelta(hours=25))[0]  # cosignatures are too old
    overdue, soon = world_status(timedelta(days=24))
    assert overdue
    assert [line.split()[0] for line in soon] == ["targets", "snapshot"]


@pytest.fixture
def world_status(tmp_path: Path) -> Callable[[timedelta], tuple[bool, list[str]]]:
    world = World(tmp_path / "world")
    world.found()
    world.publish("one")

    def at(later: timedelta) -> tuple[bool, list[str]]:
        world.clock.ahead = later
        found = status(world.desk)
        return rendering.overdue(found, world.clock()), list(rendering.soon(found, world.clock()))

    return at


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a key on a software token; returns its URI."""
    module = next((path for path in SOFTHSM if Path(path).exists()), "")
    require(bool(module), "SoftHSM2")
    pkcs11 = pytest.importorskip("pkcs11") if not os.environ.get("CI") else __import__("pkcs11")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.delenv("PYKCS11LIB", raising=False)

    def make(label: str) -> str:
        init = [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            "1234",
            "--so-pin",
            "5678",
        ]
        subprocess.run(init, check=True, capture_output=True)
        library = pkcs11.lib(module)
        library.reinitialize()
        ec = __import__("pkcs11.util.ec", fromlist=["ec"])
        with library.get_token(token_label=label).open(rw=True, user_pin="1234") as session:
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC,
                {pkcs11.Attribute.EC_PARAMS: ec.encode_named_curve_parameters("secp256r1")},
                local=True,
            )
            parameters.generate_keypair(store=True, label=label, id=b"\x02")
        return f"pkcs11:token={label};id=%02?module-path={module}"

    return make


def test_a_token_signs_root(token: Callable[[str], str], ceremony: Ceremony, tmp_path: Path) -> None:
    uri = token("erin")
    home = ceremony.folder / "erin"
    (home / "erin.pub").unlink()
    _forget()
    assert overt("key", "erin", "--to", home, "--token", uri, secret="1234") == Exit.OK
    assert keys.read_public(home / "erin.pub").key.scheme == "ecdsa-sha2-nistp256"
    ceremony.init()
    ceremony.trust()
    desk = ceremony.desk()
    publish.publish(desk, build(ceremony, "one").read_bytes())
    signed = [ceremony.sign(name) for name in ("alice", "bob", "frank", "grace")]
    request = ceremony.channel / "requests" / "signing-request.json"
    _forget()
    words = ("sign", request, "--key", uri, "--to", home / "s.json", "--yes")
    assert overt(*words, secret="1234") == Exit.OK
    outcome = publish.publish(desk, None, [*signed, home / "s.json"])
    assert isinstance(outcome, publish.Published)
    ceremony.world.desk = desk
    ceremony.world.refresh(tmp_path / "client")


@pytest.mark.parametrize("uri", ["pkcs11:slot=1", "pkcs11:token=x?pin-value=1234", "pkcs11:token=x;object=y"])
def test_token_addresses_hold_no_secrets_and_no_riddles(uri: str) -> None:
    with pytest.raises(ChannelError, match="is not supported"):
        keys.parse_token(uri)
