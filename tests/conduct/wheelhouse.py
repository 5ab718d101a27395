"""A folder with the wheel of this tree and wheels of all that it needs, made of what is installed here: no network."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts.release import build_wheel

from tests.channel.install.conftest import copy_sources

INFO = ".dist-info/"
MADE_ANEW = ("INSTALLER", "REQUESTED", "direct_url.json")
"""What an installer adds to a distribution."""


def make(folder: Path, work: Path) -> Path:
    """The wheels, in `folder`; `work` is for building."""
    folder.mkdir(parents=True, exist_ok=True)
    build_wheel(copy_sources(work / "tree"), folder)
    for one in _needed("overt"):
        _pack(one, folder)
    return folder


def _needed(name: str) -> Iterator[Distribution]:
    """What `name` needs to run, and what that needs."""
    seen, waiting = {canonicalize_name(name)}, [distribution(name)]
    while waiting:
        for text in waiting.pop().requires or ():
            wanted = Requirement(text)
            key = canonicalize_name(wanted.name)
            if key not in seen and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                seen.add(key)
                waiting.append(distribution(wanted.name))
                yield waiting[-1]


def _pack(found: Distribution, folder: Path) -> None:
    """A wheel again (PyPA, "Binary distribution format"): its files at the places that its RECORD names."""
    tag = next(line[5:] for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: "))
    name = f"{canonicalize_name(found.name).replace('-', '_')}-{found.version}-{tag}.whl"
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in found.files or ():
            path = Path(str(found.locate_file(file)))
            if not str(file).startswith("..") and "__pycache__" not in file.parts and _belongs(str(file)):
                wheel.write(path, str(file))


def _belongs(path: str) -> bool:
    return not (INFO in path and path.endswith(MADE_ANEW))


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), Path(sys.argv[2])))
