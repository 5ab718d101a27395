"""Secrets are what they claim to be, to the programs that read such files."""

from __future__ import annotations

import configparser
import json
import mailbox
import netrc
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from overt.conduct.canary.decoys import DECOYS
from overt.conduct.canary.noise import Noise
from tests.conftest import require

TOKEN = "ovt0123456789abcdefghijklmn"


def planted(folder: Path, ending: str) -> Path:
    (decoy,) = (decoy for decoy in DECOYS if decoy.path.endswith(ending))
    path = folder / Path(decoy.path).name
    path.write_bytes(decoy.build(TOKEN, Noise("k")))
    path.chmod(decoy.mode)
    return path


def test_the_ssh_key_is_one(tmp_path: Path) -> None:
    require(shutil.which("ssh-keygen") is not None, "ssh-keygen")
    path = planted(tmp_path, "id_ed25519")
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", path], capture_output=True, check=True, text=True
    ).stdout
    assert public.startswith("ssh-ed25519 ") and public.split()[2] == TOKEN


@pytest.mark.parametrize(
    ("ending", "query"),
    [
        ("places.sqlite", "SELECT url FROM moz_places"),
        ("Login Data", "SELECT origin_url FROM logins"),
        ("wallet.dat", "SELECT key FROM main"),
    ],
)
def test_databases_are_whole(tmp_path: Path, ending: str, query: str) -> None:
    connection = sqlite3.connect(planted(tmp_path, ending))
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert TOKEN in str(connection.execute(query).fetchone()[0])
    if ending == "wallet.dat":
        assert connection.execute("PRAGMA application_id").fetchone()[0] % (1 << 32) == 0xF9BEB4D9


def test_firefoxs_logins_and_the_service_account_are_json(tmp_path: Path) -> None:
    logins = json.loads(planted(tmp_path, "logins.json").read_bytes())
    assert TOKEN in logins["logins"][0]["hostname"]
    account = json.loads(planted(tmp_path, "credentials.json").read_bytes())
    assert account["client_email"].startswith(TOKEN)


def test_the_keyring_and_the_clouds_credentials_are_sections(tmp_path: Path) -> None:
    parser = configparser.ConfigParser()
    parser.read([planted(tmp_path, "login.keyring"), planted(tmp_path, ".aws/credentials")])
    assert parser["1"]["secret"].startswith(TOKEN)
    assert parser["default"]["aws_access_key_id"].lower() == TOKEN


def test_netrc_is_read_by_its_parser(tmp_path: Path) -> None:
    login = netrc.netrc(str(planted(tmp_path, ".netrc"))).authenticators("files.example.org")
    assert login is not None and login[2] is not None and login[2].startswith(TOKEN)


def test_the_mailbox_holds_one_message(tmp_path: Path) -> None:
    (message,) = mailbox.mbox(planted(tmp_path, "Inbox"))
    assert message["From"] and TOKEN in message.as_string()
