"""Where a channel's static tree (`overt.channel.layout`) is read from: a folder, or a server through the courier."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from overt.core.errors import Malformed
from overt.egress.courier import Courier, Fetched
from overt.egress.errors import BadStatus
from overt.egress.job import Job
from overt.egress.limits import CourierLimits
from overt.egress.recorded import Record

NOT_THERE = (404, 410)

Tree = Callable[[str, int], bytes]
"""Path below the tree, and the most bytes to take → the file. Raises `FileNotFoundError` for none there, `Malformed`
or `PeerAtFault` for more bytes, `OSError` and `EgressError` when it can't be read."""


def in_folder(folder: Path) -> Tree:
    """A tree on this machine. The folder is the operator's choice; what lies in it is not trusted."""

    def read(path: str, max_bytes: int) -> bytes:
        with open(folder / path, "rb") as stream:
            data = stream.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise Malformed(f"{path}: more than {max_bytes:,} bytes")
        return data

    return read


@contextmanager
def at(
    source: str,
    spool: Path,
    record: Record,
    unconfined: bool = False,
    purpose: str = "witness",
    ca_file: Path | None = None,
    limits: CourierLimits | None = None,
    keep: set[int] | None = None,
) -> Iterator[Tree]:
    """The tree at `source`: an `http://` or `https://` address, asked through one courier, or a folder.

    `purpose` is what the ledger says of it; what a process that locks itself down must keep open is put into `keep`.
    Raises `OvertError` when a courier can't be started.
    """
    if not source.startswith(("http://", "https://")):
        yield in_folder(Path(source))
        return
    job = Job(source, spool, ca_file, purpose=purpose, limits=limits or CourierLimits())
    with Courier.start(job, record, unconfined=unconfined) as courier:
        if keep is not None:
            keep.update(courier.descriptors)
        yield lambda path, max_bytes: _fetched(courier, path, max_bytes)


def _fetched(courier: Courier, path: str, max_bytes: int) -> bytes:
    try:
        found = courier.fetch(path, max_bytes=max_bytes)
    except BadStatus as error:
        if error.status in NOT_THERE:
            raise FileNotFoundError(f"{path}: {error}") from None
        raise
    if not isinstance(found, Fetched):
        raise Malformed(f"{path}: not modified, which was not asked")
    try:
        data = found.path.read_bytes()
    finally:
        found.path.unlink()
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise OSError(f"{found.path}: the spool changed what was fetched")
    return data
