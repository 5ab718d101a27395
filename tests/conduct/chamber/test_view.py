"""What a chamber hides and makes up, decided from a root that the test builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.chamber import accounts, layers, view
from overt.conduct.chamber.plan import ALICE, ChamberPlan, Shown
from overt.conduct.chamber.view import Kind
from overt.core.errors import ConductError

PASSWD = """root:x:0:0:Jane Doe:/root:/bin/zsh
daemon:x:1:1::/:/usr/sbin/nologin
jane:x:1000:1000:Jane Doe:/home/jane:/bin/sh
"""
GROUP = "root:x:0:\nshadow:x:42:jane\njane:x:1000:\nsudo:x:27:jane\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small system."""
    files = {
        "etc/passwd": (PASSWD, 0o644),
        "etc/group": (GROUP, 0o644),
        "etc/shadow": ("root:$6$real:1::::::\n", 0o640),
        "etc/sudoers": ("secret", 0o440),
        "etc/app/app.conf": ("fine", 0o644),
        "etc/apt/apt.conf.d/80proxy": ('Acquire::http::Proxy "http://jane:secret@proxy:8080";', 0o644),
        "etc/apt/sources.list": ("deb https://deb.example.org/ stable main", 0o644),
        "etc/apt/sources.list.d/paid.list": ("deb https://jane:secret@deb.example.org/ stable main", 0o644),
        "etc/app/private.key": ("secret", 0o600),
        "etc/ssh/ssh_host_rsa_key.pub": ("ssh-rsa real", 0o644),
        "var/lib/app/open": ("fine", 0o644),
        "var/lib/db/rows": ("secret", 0o644),
        "var/log/app/log": ("secret", 0o644),
        "srv/data": ("secret", 0o644),
        "work/source": ("secret", 0o644),
        "usr/bin/tool": ("fine", 0o755),
        "usr/local/etc/token": ("secret", 0o600),
    }
    for name, (text, mode) in files.items():
        path = tmp_path / "system" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    (tmp_path / "system/var/lib/db").chmod(0o700)
    return tmp_path / "system"


def test_what_others_cannot_read_is_hidden_and_the_rest_is_shown(root: Path) -> None:
    found = {mask.path: mask.kind for mask in view.masks(ChamberPlan(root=root))}
    assert found["etc/sudoers"] is found["etc/app/private.key"] is found["usr/local/etc/token"] is Kind.GONE
    assert found["etc/apt/apt.conf.d/80proxy"] is found["etc/apt/sources.list.d/paid.list"] is Kind.GONE
    assert found["var/lib/db"] is found["srv"] is found["var/log"] is found["var/log/app"] is Kind.FOLDER
    assert found["work"] is found["etc/ssh/ssh_host_rsa_key.pub"] is Kind.GONE
    assert not {
        "etc/app/app.conf",
        "etc/apt/sources.list",
        "var/lib/app/open",
        "usr/bin/tool",
        "var/log/app/log",
    } & set(found)


def test_accounts_are_made_up(root: Path) -> None:
    made = {mask.path: mask.content.decode() for mask in view.masks(ChamberPlan(root=root)) if mask.content}
    text = "".join(made.values())
    assert "jane" not in text.lower() and "real" not in made["etc/shadow"]
    assert "daemon:x:1:1" in made["etc/passwd"] and "alice:x:1000:1000" in made["etc/passwd"]
    assert made["etc/shadow"].count("$6$") == 2 and "daemon:*:" in made["etc/shadow"]


def test_the_layer_of_masks_keeps_the_modes_of_the_folders_above(root: Path, tmp_path: Path) -> None:
    (root / "etc/app").chmod(0o751)
    layer = tmp_path / "layer"
    layer.mkdir()
    try:
        layers.write_masks(view.masks(ChamberPlan(root=root)), root, layer)
    except PermissionError:
        pytest.skip("only root makes the nodes that hide a file")
    assert (layer / "etc/app").stat().st_mode & 0o777 == 0o751
    assert (layer / "etc/sudoers").is_char_device()


def test_what_is_asked_for_stays_visible(root: Path) -> None:
    plan = ChamberPlan(root=root, shown=(Shown(root / "etc/app/private.key", "/etc/app/private.key"),))
    assert "etc/app/private.key" not in {mask.path for mask in view.masks(plan)}


def test_every_password_is_of_nobody() -> None:
    shadow = accounts.shadow(accounts.passwd(PASSWD, ALICE), ALICE)
    fields = [line.split(":") for line in shadow.splitlines()]
    assert all(len(field) == 9 for field in fields)
    assert accounts.gshadow(accounts.group(GROUP, ALICE)).count(":*::") == 4


@pytest.mark.parametrize(
    "capabilities", [("CAP_SYS_ADMIN",), ("CAP_FLYING",), ("CAP_MKNOD", "CAP_NET_ADMIN")]
)
def test_a_plan_that_reaches_the_host_is_refused(capabilities: tuple[str, ...]) -> None:
    with pytest.raises(ConductError):
        ChamberPlan(capabilities=capabilities, allow_mounts=True)
