"""Made-up accounts: the machine's own system accounts without anybody's password or person, and the chamber's user."""

from __future__ import annotations

from overt.conduct.chamber.plan import User

FIRST_PERSON, NOBODY = 1000, 65534
LAST_SYSTEM = FIRST_PERSON - 1
MADE_UP_HASH = "$6$aXvZ0q3LkPt7Rw1e$" + "Kq8mD2hZs5VtYb0nR4uXcJ1fLw7gEpA9" * 2 + "tRs6yWdOvMkB3jHxCzQfU."
"""Has the form of a SHA-512 password hash, and is that of no password."""
DAYS = "20409"


def passwd(real: str, user: User) -> str:
    """/etc/passwd with the system accounts of `real`, root and `user`."""
    lines = [line for line in real.splitlines() if _system(line)]
    lines = ["root:x:0:0:root:/root:/bin/bash", *(line for line in lines if not line.startswith("root:"))]
    return _text([*lines, f"{user.name}:x:{user.uid}:{user.gid}:Alice Example,,,:{user.home}:/bin/bash"])


def group(real: str, user: User) -> str:
    """/etc/group with the system groups of `real`, without members, and the group of `user`."""
    kept = [":".join([*line.split(":")[:3], ""]) for line in real.splitlines() if _system(line)]
    return _text([*kept, f"{user.name}:x:{user.gid}:"])


def shadow(accounts: str, user: User) -> str:
    """/etc/shadow for `accounts` (what `passwd` returned): root and `user` have made-up hashes, nobody else one."""
    people = {"root", user.name}
    names = (line.split(":")[0] for line in accounts.splitlines())
    return _text([f"{name}:{MADE_UP_HASH if name in people else '*'}:{DAYS}:0:99999:7:::" for name in names])


def gshadow(groups: str) -> str:
    """/etc/gshadow for `groups` (what `group` returned)."""
    return _text([f"{line.split(':')[0]}:*::" for line in groups.splitlines()])


def _system(line: str) -> bool:
    fields = line.split(":")
    if len(fields) < 4 or not fields[2].isdecimal():
        return False
    return int(fields[2]) <= LAST_SYSTEM or int(fields[2]) == NOBODY


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
