"""A port to another system is a new confinement backend: core, engine and rules load and work where nothing of Linux
is there.

A fresh interpreter refuses the modules that only Unix has, and the layers that a port replaces, however they would be
reached, and lacks what `os` and `mmap` have on Unix only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src"
PORTABLE = ("core", "engine", "rules")
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for layer in PORTABLE
    for path in (SOURCE / "overt" / layer).rglob("*.py")
)
FOREIGN = (
    "fcntl resource pwd grp termios tty pty spwd crypt syslog readline curses _posixsubprocess pyseccomp "
    "overt.sandbox overt.scan overt.vault overt.cli overt.channel overt.egress"
).split()
UNIX_ONLY = {
    "os": """fork forkpty getuid geteuid getgid getegid getgroups setuid setgid chown fchown lchown fchmod chroot
        pread preadv pwrite pwritev readv writev sendfile splice copy_file_range sched_getaffinity sched_yield
        getxattr setxattr listxattr removexattr memfd_create eventfd pidfd_open posix_fadvise posix_fallocate
        posix_spawn fdatasync fchdir mkfifo mknod statvfs fstatvfs uname getloadavg killpg getpgid setsid nice wait3
        wait4 waitid openpty ttyname sysconf O_CLOEXEC O_NOFOLLOW O_DIRECTORY O_NONBLOCK O_NOCTTY O_PATH O_TMPFILE
        O_SYNC O_DSYNC""".split(),
    "mmap": "PROT_READ PROT_WRITE PROT_EXEC MAP_PRIVATE MAP_SHARED MAP_ANONYMOUS MAP_POPULATE".split(),
}
"""Names that Python's documentation gives the availability "Unix" or "Linux"."""

ELSEWHERE = """
import importlib, importlib.abc, json, sys
foreign, unix_only, modules = json.loads(sys.argv[1])

class Refusing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in foreign):
            raise ModuleNotFoundError(f"{name} is not on this system", name=name)
        return None

for name in foreign:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Refusing())
for module, names in unix_only.items():
    for name in names:
        vars(importlib.import_module(module)).pop(name, None)
"""
IMPORT_ALL = """
failed = {}
for name in modules:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = repr(error)
print(json.dumps(failed))
"""
EXAMINE = """
import io, zipfile
from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.rules.compile import RuleText, build
rule = 'rule found { strings: $a = "needle" condition: $a }'
built = build([RuleText("set", "one.yar", rule, "Ada Example", "CC0-1.0")])
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
    made.writestr("hay.txt", "hay and a needle")
found = Examiner(Matcher(built.pack), HashSets()).examine(archive.getvalue(), "a.zip")
print(json.dumps([found.verdict, [[f.rule, f.author, *f.inside] for f in found.findings], len(built.problems)]))
"""


def elsewhere(code: str) -> Any:
    """What `code` prints in an interpreter that lacks everything of Linux."""
    told = json.dumps([FOREIGN, UNIX_ONLY, MODULES])
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE + code, told], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_loads() -> None:
    assert len(MODULES) > 100
    assert elsewhere(IMPORT_ALL) == {}


def test_what_is_missing_is_missed() -> None:
    names = ("fcntl", "overt.sandbox.lockdown", "overt.scan.walk", "overt.store.folders")
    failed = elsewhere(f"modules = {names!r}" + IMPORT_ALL)
    assert list(failed) == ["fcntl", "overt.sandbox.lockdown", "overt.scan.walk"]


def test_rules_are_built_and_a_file_is_examined() -> None:
    assert elsewhere(EXAMINE) == ["infected", [["found", "Ada Example", "hay.txt"]], 0]
