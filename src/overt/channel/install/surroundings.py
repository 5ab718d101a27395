"""What runs with a program although it is no part of it: code at start-up, and modules found before its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from overt.channel.install.distributions import Installed
from overt.channel.install.finding import Finding, Kind, problem, remark, unverified
from overt.channel.install.place import Place

CUSTOMIZE = frozenset({"sitecustomize", "usercustomize"})
"""Modules that Python imports at every start (documentation of `site`)."""
VIRTUALENV = ("_virtualenv.pth", "import _virtualenv")
"""What virtualenv puts into each environment it makes, in no RECORD."""
_SUFFIXES = (".py", ".pyc", ".so", ".pyd")


def startup(place: Place, known: Mapping[Path, str], others: Iterable[Installed]) -> Iterator[Finding]:
    """`.pth` files and customize modules. `known`: files that the release or its dependencies vouch for."""
    owners = {entry.path: one for one in others for entry in one.entries}
    for path in sorted(place.site.glob("*.pth")):
        if path not in known:
            yield from _pth(path, owners.get(path))
    for folder in (*place.path, place.site):
        for path in _modules(folder, CUSTOMIZE):
            if folder == place.library:
                yield remark(Kind.STARTUP, path, "runs at every start; it belongs to this machine's Python")
            else:
                yield problem(Kind.STARTUP, path, "runs at every start, and the release has no such file")


def _pth(path: Path, owner: Installed | None) -> Iterator[Finding]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        yield unverified(Kind.STARTUP, path, f"can't be read: {error.strerror}")
        return
    used = [line for line in lines if line.strip() and not line.startswith("#")]
    if any(line.startswith(("import ", "import\t")) for line in used):
        if owner is not None:
            says = f"runs code of {owner.name} {owner.version}, which is no part of the release"
            yield unverified(
                Kind.STARTUP, path, f"{says}, at every start: uninstall that if nothing needs it"
            )
        elif (path.name, "\n".join(used).strip()) == VIRTUALENV:
            yield unverified(
                Kind.STARTUP, path, "runs code at every start; python -m venv makes environments without it"
            )
        else:
            yield problem(Kind.STARTUP, path, "runs code at every start, and belongs to nobody")
    elif used:
        yield unverified(
            Kind.STARTUP, path, f"lets Python import from {used[0].strip()}, which was not checked"
        )


def shadows(place: Place, names: frozenset[str], known: Mapping[Path, str]) -> Iterator[Finding]:
    """Modules that Python would find in place of those called `names`, or of the standard library's."""
    foreign = True
    for folder in place.path:
        foreign = foreign and folder != place.library and folder.suffix != ".zip"
        hidden = names | sys.stdlib_module_names if foreign else names
        for path in _modules(folder, hidden):
            yield problem(
                Kind.SHADOW, path, f"is imported in place of the module {path.name.partition('.')[0]}"
            )
    tops = {_top(path, place.site) for path in known}
    for path in _modules(place.site, names):
        if path.name not in tops:
            yield problem(
                Kind.SHADOW, path, f"can be imported in place of the module {path.name.partition('.')[0]}"
            )


def strays(place: Place, names: frozenset[str], recorded: frozenset[Path]) -> Iterator[Finding]:
    """Modules beside the release's that no distribution's RECORD names: an optional import would find them."""
    tops = {_top(path, place.site) for path in recorded}
    for path in _modules(place.site, None):
        if path.name not in tops and path.name.partition(".")[0] not in names | CUSTOMIZE:
            yield unverified(Kind.UNKNOWN, path, "can be imported, and no installed distribution records it")


def _top(path: Path, site: Path) -> str:
    return path.relative_to(site).parts[0] if path.is_relative_to(site) else ""


def _modules(folder: Path, names: Iterable[str] | None) -> list[Path]:
    """What `import` could find in a folder under one of the names, or under any."""
    wanted = None if names is None else frozenset(names)
    found = []
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                stem, dot, _ = item.name.partition(".")
                if (wanted is not None and stem not in wanted) or not stem.isidentifier():
                    continue
                if _is_package(item) if not dot else item.name.endswith(_SUFFIXES):
                    found.append(Path(folder, item.name))
    except OSError:  # not there, or not a folder: Python skips it too
        return []
    return sorted(found)


def _is_package(item: os.DirEntry[str]) -> bool:
    return item.name != "__pycache__" and item.is_dir() and any(os.scandir(item.path))
