"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import distribution, version
from pathlib import Path

from packaging.requirements import Requirement

MODULE_FOLDER = Path(__file__).parents[1] / "src/overt"


def description() -> list[str]:
    """Facts, one a line."""
    return [
        f"processor: {_field('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        f"memory: {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        f"system: {_field('/etc/os-release', 'PRETTY_NAME', '=').strip(chr(34))}, Linux {platform.release()}",
        f"versions: Overt {version('overt')}, Python {platform.python_version()}, boreal {version('boreal-python')}, "
        f"YARA {_output('yara', '--version')}, {_output('clamscan', '--version')}",
    ]


def _field(file: str, name: str, separator: str = ":") -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def core_install() -> dict[str, int]:
    """Distribution → bytes on disk, for Overt and everything that it needs at run time."""
    found: dict[str, int] = {}
    seen = set()
    queue = [("overt", "")]
    while queue:
        name, extra = queue.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = _size(name)
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                queue += [(requirement.name.lower(), wanted) for wanted in ("", *requirement.extras)]
    return found


def _size(name: str) -> int:
    if name == "overt":  # installed in place when developed
        return sum(
            path.stat().st_size
            for path in MODULE_FOLDER.rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        )
    files = (Path(str(file.locate())) for file in distribution(name).files or ())
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")
