"""What of the host a chamber hides, and what it shows in its place: one table.

The rule first: of the system's folders (`SYSTEM`; nothing else below / is shown at all), whatever an ordinary user of
the host can't read is hidden. Then what everybody may read, but is the host's own: `EMPTIED`, `GONE`, made-up files.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from overt.conduct.chamber import accounts
from overt.conduct.chamber.plan import ChamberPlan

SYSTEM = frozenset("bin sbin lib lib32 lib64 libx32 usr etc var".split())
"""Shown of /. Links among them are shown as they are."""
OWN = ("home", "root", "tmp", "run", "dev", "proc", "sys", "mnt", "media", "opt", "srv", "boot")
"""The chamber's own, empty at first."""
SEARCHED = ("etc", "var", "usr/local")
"""Where the rule is applied; packages put nothing private elsewhere."""
EMPTIED = (
    "var/log var/spool var/mail var/tmp var/backups var/crash var/www var/lib/systemd/coredump var/lib/systemd/timers "
    "var/lib/AccountsService var/lib/NetworkManager var/lib/dhcp var/lib/docker var/lib/containers var/lib/containerd "
    "var/lib/libvirt var/lib/machines var/lib/lxc var/lib/snapd var/lib/flatpak var/lib/mysql var/lib/postgresql "
    "var/lib/redis var/lib/mongodb var/lib/samba var/lib/ldap var/lib/sss var/lib/krb5kdc var/lib/cloud "
    "var/lib/jenkins var/lib/kubelet var/lib/rancher etc/kubernetes etc/wireguard etc/openvpn etc/letsencrypt "
    "etc/NetworkManager/system-connections etc/cloud"
).split()
"""Folders shown without the files in them; the folders below stay, for programs that expect theirs."""
GONE = (
    "etc/ssh/ssh_host_* etc/environment etc/krb5.keytab etc/fstab etc/crypttab etc/motd etc/issue.net etc/mailname "
    "etc/hostid etc/adjtime etc/subuid* etc/subgid* etc/passwd- etc/group- etc/apt/auth.conf* etc/docker/* "
    "etc/git* etc/pip.conf etc/npmrc etc/exports etc/samba/smb.conf var/lib/dbus/machine-id var/lib/misc/random-seed "
    "var/lib/systemd/random-seed var/lib/systemd/credential.secret"
).split()
"""Files that are not shown at all; patterns as of a shell, `*` also across folders."""
PASSWORD_IN_URL = re.compile(rb"://[^\s/:@'\"]+:[^\s/@'\"]+@")
SETTINGS = (
    ".conf",
    ".list",
    ".sources",
    ".repo",
    ".sh",
    ".cfg",
    ".ini",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    "rc",
)
"""How files end, beside those without an ending, in which that is looked for."""
MAX_SETTINGS_BYTES = 1 << 18
FOLDERS_KEPT_DEPTH = 3
ROOT_UUID = "6f1de6a4-0a4f-4c1e-9b0d-52f1c2b7a9e0"
"""Of the file system that the made-up /etc/fstab names."""


class Kind(Enum):
    """How one path differs from the host's."""

    GONE = "gone"
    FOLDER = "folder"
    """An empty folder in its place."""
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Mask:
    """One path of the host that a chamber shows otherwise, or one that it makes up."""

    path: str
    """Without the leading slash."""
    kind: Kind
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    content: bytes = b""


def masks(plan: ChamberPlan) -> tuple[Mask, ...]:
    """Everything that is hidden or made up over `plan.root`, parents before what is below them. Reads names, modes and
    the two files of accounts; raises `OSError` when the root can't be read."""
    found = {mask.path: mask for mask in _top(plan.root)}
    shown = {str(item.outside) for item in plan.shown}
    for start in SEARCHED:
        if (plan.root / start).is_dir() and not (plan.root / start).is_symlink():
            for mask in _private(plan.root, start, shown):
                found.setdefault(mask.path, mask)
    for mask in made_up(plan):
        found[mask.path] = mask
    return tuple(sorted(found.values(), key=lambda mask: mask.path))


def _top(root: Path) -> Iterator[Mask]:
    for entry in os.scandir(root):
        if entry.name not in SYSTEM and entry.name not in OWN:
            yield Mask(entry.name, Kind.GONE)
    for name in OWN:
        yield Mask(name, Kind.FOLDER, 0o700 if name == "root" else 0o755)


def _private(root: Path, folder: str, shown: Collection[str]) -> Iterator[Mask]:
    """What an ordinary user can't read below `folder`, and what the table names."""
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        facts = entry.stat(follow_symlinks=False)
        if path in EMPTIED and stat.S_ISDIR(facts.st_mode):
            yield from _emptied(root, path, FOLDERS_KEPT_DEPTH)
        elif str(root / path) in shown:
            continue
        elif any(fnmatch.fnmatchcase(path, pattern) for pattern in GONE):
            yield Mask(path, Kind.GONE)
        elif stat.S_ISLNK(facts.st_mode):
            continue
        elif stat.S_ISDIR(facts.st_mode):
            if facts.st_mode & 0o005 != 0o005:
                yield _folder(path, facts)
            else:
                yield from _private(root, path, shown)
        elif not facts.st_mode & 0o004 or not stat.S_ISREG(facts.st_mode) or _names_a_password(entry, facts):
            yield Mask(path, Kind.GONE)


def _names_a_password(entry: os.DirEntry[str], facts: os.stat_result) -> bool:
    """Whether it is a setting of the host's, such as a proxy or a package source, with somebody's password in a URL."""
    if (not entry.name.endswith(SETTINGS) and "." in entry.name) or facts.st_size > MAX_SETTINGS_BYTES:
        return False
    with contextlib.suppress(OSError), open(entry.path, "rb") as stream:
        return PASSWORD_IN_URL.search(stream.read(MAX_SETTINGS_BYTES)) is not None
    return True


def _emptied(root: Path, path: str, depth: int) -> Iterator[Mask]:
    yield _folder(path, (root / path).lstat())
    if depth:
        for entry in os.scandir(root / path):
            if entry.is_dir(follow_symlinks=False):
                yield from _emptied(root, f"{path}/{entry.name}", depth - 1)


def _folder(path: str, facts: os.stat_result) -> Mask:
    return Mask(path, Kind.FOLDER, stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid)


def made_up(plan: ChamberPlan) -> Iterator[Mask]:
    """Files that no machine gives away: accounts, names, host keys. Raises `OSError`."""
    people = accounts.passwd(_read(plan.root / "etc/passwd"), plan.user)
    groups = accounts.group(_read(plan.root / "etc/group"), plan.user)
    machine = secrets.token_hex(16)
    private = {
        "etc/shadow": accounts.shadow(people, plan.user),
        "etc/gshadow": accounts.gshadow(groups),
    }
    public = {
        "etc/passwd": people,
        "etc/group": groups,
        "etc/hostname": f"{plan.hostname}\n",
        "etc/hosts": f"127.0.0.1\tlocalhost\n127.0.1.1\t{plan.hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        "etc/resolv.conf": "".join(f"nameserver {address}\n" for address in plan.resolvers),
        "etc/machine-id": f"{machine}\n",
        "etc/fstab": f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n",
    }
    if (plan.root / "var/lib/dpkg").is_dir():
        public["usr/sbin/policy-rc.d"] = "#!/bin/sh\nexit 101\n"  # steps start daemons, not packages' scripts
    shadow_group = next(
        (int(line.split(":")[2]) for line in groups.splitlines() if line.startswith("shadow:")), 0
    )
    for path, text in private.items():
        yield Mask(path, Kind.FILE, 0o640, 0, shadow_group, text.encode())
    for path, text in public.items():
        yield Mask(path, Kind.FILE, 0o755 if text.startswith("#!") else 0o644, content=text.encode())
    if (plan.root / "etc/ssh").is_dir():
        yield from _host_key(plan.hostname)


def _host_key(hostname: str) -> Iterator[Mask]:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield Mask("etc/ssh/ssh_host_ed25519_key", Kind.FILE, 0o600, content=private)
    comment = f" root@{hostname}\n".encode()
    yield Mask("etc/ssh/ssh_host_ed25519_key.pub", Kind.FILE, 0o644, content=public + comment)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
