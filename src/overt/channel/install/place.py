"""Where an installation is: found by looking at folders, without running anything of it."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import overt
from overt.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one Python environment."""

    prefix: Path
    site: Path
    """Holds the package `overt`, and what it requires."""
    scripts: Path
    data: Path
    """What a wheel's `data` files lie below."""
    path: tuple[Path, ...]
    """Folders that Python searches before `site`, in order: a program's own, PYTHONPATH, the standard library."""
    library: Path
    """The standard library."""
    own: bool
    """Whether this very process runs from it."""
    shares_system: bool
    """Whether packages outside of the environment can be imported too."""


def own() -> Place:
    """Where this program runs from."""
    site = Path(overt.__file__).parents[1].absolute()
    folders = _scheme(site)
    scripts = Path(folders["scripts"])
    library = Path(folders["stdlib"])
    searched = [Path(entry) for entry in sys.path if entry]
    before = searched[: searched.index(site)] if site in searched else searched
    return Place(
        Path(sys.prefix),
        site,
        scripts,
        Path(folders["data"]),
        _distinct((scripts, *before)),
        library,
        True,
        any(_is_site(entry) and entry != site for entry in searched),
    )


def _scheme(site: Path) -> dict[str, str]:
    """The installation scheme that puts packages into `site`; the usual one when none does."""
    for name in (sysconfig.get_default_scheme(), *sysconfig.get_scheme_names()):
        if Path(sysconfig.get_path("purelib", name)) == site:
            return sysconfig.get_paths(name)
    return sysconfig.get_paths()


def other(named: Path) -> Place:
    """The virtual environment `named`, by its folder or by its Python. Raises `UsageError` when it is none."""
    prefix = named.absolute()
    if not prefix.exists():
        raise UsageError(
            f"{named} is no virtual environment, it does not exist: name its folder or its bin/python"
        )
    if not prefix.is_dir():
        prefix = prefix.parent.parent
    settings = _settings(prefix / "pyvenv.cfg", named)
    sites = sorted((prefix / "lib").glob("python3.*/site-packages"))
    if len(sites) != 1:
        raise UsageError(f"{prefix} has {len(sites)} folders lib/python3.*/site-packages: one is expected")
    library = Path(settings.get("home", "")).parent / "lib" / sites[0].parent.name
    extra = (Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry)
    scripts = prefix / "bin"
    return Place(
        prefix,
        sites[0],
        scripts,
        prefix,
        _distinct((scripts, *extra, library, library / "lib-dynload")),
        library,
        False,
        settings.get("include-system-site-packages", "false").lower() == "true",
    )


def _settings(path: Path, named: Path) -> dict[str, str]:
    """What `pyvenv.cfg` says (PEP 405)."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise UsageError(
            f"{named} is no virtual environment ({path} can't be read): name its folder or its bin/python"
        ) from None
    pairs = (line.partition("=") for line in lines)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _is_site(folder: Path) -> bool:
    return folder.name in ("site-packages", "dist-packages") and folder.is_dir()


def _distinct(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folders))
