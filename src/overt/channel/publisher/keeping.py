"""The sources of a release as one archive, for whoever wants to build its bundle again.

    sources.toml                    with paths inside the archive
    NAME/NUMBER/FILE…               what source NAME names, path by path; only what a build reads of it

The same sources give the same archive: tar (ustar, pax for long names) in gzip, in order, without times and owners.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from overt.channel.publisher.sources import Origin, Sources
from overt.core.errors import UsageError
from overt.rules.gather import files_of
from overt.store import atomic

LIST = "sources.toml"
MAX_BYTES = 1 << 30
"""Bytes of all files together: what a monitor unpacks at most."""


def keep(folder: Path, serial: int, sources: Sources) -> Path:
    """Write `folder`/SERIAL.tar.gz, readable for everyone. Raises `UsageError`, `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{serial}.tar.gz"
    atomic.write(path, archive(sources), 0o644)
    return path


def archive(sources: Sources) -> bytes:
    """The archive's bytes. Raises `UsageError` for what is not there or too much, `OSError`."""
    members = dict(_members(sources.source))
    members[LIST] = _list(sources).encode()
    if sum(map(len, members.values())) > MAX_BYTES:
        raise UsageError(f"the sources have more than {MAX_BYTES:,} bytes: monitors do not unpack that")
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
        for name in sorted(members):
            header = tarfile.TarInfo(name)
            header.size, header.mode = len(members[name]), 0o644
            tar.addfile(header, io.BytesIO(members[name]))
    return gzip.compress(target.getvalue(), mtime=0)


def _members(origins: Sequence[Origin]) -> Iterator[tuple[str, bytes]]:
    for origin in origins:
        for number, path in enumerate(origin.paths):
            below = _inside(origin, number, path)
            for name, file in files_of(path):
                yield (f"{below}/{name}" if Path(path).is_dir() else below), file.read_bytes()


def _inside(origin: Origin, number: int, path: str) -> str:
    """Where a path is in the archive. A file keeps its name, which says what it is."""
    return f"{origin.name}/{number}" if Path(path).is_dir() else f"{origin.name}/{number}/{Path(path).name}"


def _list(sources: Sources) -> str:
    lines = []
    for origin in sources.source:
        paths = [_inside(origin, number, path) for number, path in enumerate(origin.paths)]
        told = {"name": origin.name, "author": origin.author, "licence": origin.licence}
        told |= {"origin": origin.origin} | ({"content": origin.content} if origin.content else {})
        lines += ["[[source]]", *(f"{key} = {_text(value)}" for key, value in told.items())]
        lines += [f"paths = [{', '.join(map(_text, paths))}]", ""]
    for override in sources.override:
        lines += ["[[override]]", f"rule = {_text(override.rule)}", f"reason = {_text(override.reason)}", ""]
    for revoked in sources.revoked:
        lines += ["[[revoked]]", f"rule = {_text(revoked.rule)}", f"serial = {revoked.serial}"]
        lines += [f"reason = {_text(revoked.reason)}", ""]
    restored = [f"restored = [{', '.join(map(_text, sources.restored))}]", ""] if sources.restored else []
    return "\n".join([*restored, *lines])


def _text(value: str) -> str:
    """A TOML basic string (TOML 1.0.0, "String"): JSON's, but that DEL is escaped as well."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
