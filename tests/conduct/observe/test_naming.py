"""The chamber's name of an open file, whichever of a process's threads are left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from overt.conduct.observe.naming import Names

FIRST_THREAD_ENDS = """
import ctypes, sys, threading, time
def stay():
    while open("/proc/self/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    print("alone", flush=True)
    sys.stdin.read()
threading.Thread(target=stay).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def home_of(path: Path) -> Path:
    """The mount that it is on."""
    return next(folder for folder in (path, *path.parents) if os.path.ismount(folder))


@pytest.mark.parametrize(
    "program", ["import sys; print('both', flush=True); sys.stdin.read()", FIRST_THREAD_ENDS]
)
def test_a_file_is_named_by_its_file_system(tmp_path: Path, program: str) -> None:
    """A product that ends its first thread could else call a file what it likes, unheard."""
    letter = tmp_path / "letter"
    letter.write_text("x")
    mount = home_of(tmp_path)
    names = Names.of({mount: "/chamber"})
    descriptor = os.open(letter, os.O_RDONLY)
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None and child.stdin is not None and child.stdout.readline()
        assert names.true(f"{letter}", descriptor, child.pid) == f"/chamber/{letter.relative_to(mount)}"
        child.stdin.close()
        child.kill()
    os.close(descriptor)


def test_of_a_process_that_is_gone_nothing_is_told(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    with open(tmp_path / "letter", "wb") as stream, pytest.raises((FileNotFoundError, ProcessLookupError)):
        Names({}).true("/letter", stream.fileno(), child.pid)
