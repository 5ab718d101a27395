"""Files as they are against files as they should be: hashes, links, bytecode, and what nobody put there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from overt.channel.install import bytecode
from overt.channel.install.distributions import files_below, sha256_of
from overt.channel.install.finding import Finding, Kind, problem, unverified
from overt.core.errors import OvertError

CACHE = "__pycache__"
FEW = 40
"""Bytecode files that are compared in this process: more are worth a second one."""


def differences(expected: Mapping[Path, str]) -> Iterator[Finding]:
    """What is not as `expected` (path → SHA-256) has it; an empty hash only asks for the file."""
    for path, digest in expected.items():
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                yield problem(Kind.LINK, path, "a symbolic link in place of the file")
            elif not stat.S_ISREG(mode):
                yield problem(Kind.CHANGED, path, "not a file any more")
            elif digest and sha256_of(path) != digest:
                yield problem(Kind.CHANGED, path, "its content is not the release's")
        except FileNotFoundError:
            yield problem(Kind.MISSING, path, "the release has it, the installation has not")
        except OSError as error:
            yield unverified(Kind.CHANGED, path, f"can't be read: {error.strerror}")


def extras(folders: Iterable[Path], known: Mapping[Path, str], allowed: frozenset[Path]) -> Iterator[Finding]:
    """Files below `folders` that nobody knows. Bytecode of a known source is left to `stale_bytecode`."""
    for folder in folders:
        for path in files_below(folder):
            if path in known or path in allowed or _cached_source(path, known) is not None:
                continue
            if path.parent.name == CACHE and path.suffix == ".pyc":
                yield problem(Kind.BYTECODE, path, "bytecode without a source of the release")
            else:
                yield problem(Kind.EXTRA, path, "not a file of the release")


def stale_bytecode(known: Mapping[Path, str]) -> Iterator[Finding]:
    """Cached bytecode that does not say what its source says."""
    work = [
        (path, *source)
        for folder in sorted({path.parent / CACHE for path in known if path.suffix == ".py"})
        for path in _listed(folder)
        if (source := _cached_source(path, known)) is not None and source[0].exists()
    ]
    for found in _each(work):
        if found is not None:
            yield found


def _each(work: list[tuple[Path, Path, int]]) -> Iterator[Finding | None]:
    workers = min(4, os.cpu_count() or 1)
    if len(work) <= FEW or workers == 1:
        yield from map(_compared, work)
        return
    try:
        with ProcessPoolExecutor(workers) as pool:
            yield from pool.map(_compared, work, chunksize=16)
    except BrokenProcessPool:
        raise OvertError(
            "comparing bytecode ended Python: a source or its bytecode is made to do that. nothing was decided; "
            "keep a copy of the environment for whoever looks into it"
        ) from None


def _compared(work: tuple[Path, Path, int]) -> Finding | None:
    path, source, level = work
    try:
        if path.is_symlink():
            return problem(Kind.LINK, path, "a symbolic link in place of bytecode")
        content = path.read_bytes()
        if not bytecode.readable(content):
            return unverified(
                Kind.BYTECODE, path, "made by another Python than this: delete it, Python makes it again"
            )
        if not bytecode.same(content, source.read_bytes(), source, level):
            return problem(
                Kind.BYTECODE, path, f"does not say what {source.name} says: Python runs it instead"
            )
    except OSError as error:
        return unverified(Kind.BYTECODE, path, f"can't be compared: {error.strerror}")
    return None


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _cached_source(path: Path, known: Mapping[Path, str]) -> tuple[Path, int] | None:
    """The known source that `path` is bytecode of, and its optimisation level."""
    if path.parent.name != CACHE:
        return None
    found = bytecode.source_of(path)
    return found if found is not None and found[0] in known else None
