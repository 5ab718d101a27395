"""python-tuf's client over a channel's tree (TUF 1.0.34, 5 "Detailed client workflow"), with our way to the files.

python-tuf makes an HTTP client of its own unless it is given a fetcher. Here it is always given one; and in a
locked-down verifier, which can make no socket, its own would fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from overt.channel import layout
from overt.channel.client.source import Source, content
from overt.core.errors import Malformed, NetworkFailed, OvertError, PeerLied

BASE = "overt-channel:/"
"""What python-tuf takes for the server; no such scheme exists, so that nothing else can fetch from it."""
MAX_ROOT_ROTATIONS = 64
"""New roots in one update."""
HISTORY = "root_history"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What TUF verified, byte for byte as it stored it."""

    root: bytes
    targets: bytes
    targets_version: int
    files: Mapping[str, TargetFile]

    @property
    def bundles(self) -> dict[str, str]:
        """Target path → SHA-256. Raises `Malformed` for a target without one."""
        try:
            return {name: target.hashes["sha256"] for name, target in self.files.items()}
        except KeyError:
            raise Malformed("targets.json: a target without a SHA-256") from None


class SourceFetcher(FetcherInterface):
    """Reads metadata from a channel's tree. Nothing goes through temporary files, which a verifier can't make."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.failure: Exception | None = None
        """Why the last file could not be had."""
        self.last = ""
        """The file that was asked for last, by its path in the tree."""

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """As python-tuf wants it."""
        if not url.startswith(BASE):
            raise DownloadError(f"{url} is not below {BASE}")
        self.last = url.removeprefix(BASE)
        try:
            return content(self._source, self.last, min(max_length, layout.MAX_METADATA_BYTES))
        except FileNotFoundError as error:
            self.failure = NetworkFailed(f"{url.removeprefix(BASE)} is not there: {error}")
            raise DownloadHTTPError(str(error), 404) from error
        except (OvertError, OSError) as error:
            self.failure = error
            raise DownloadError(str(error)) from error

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield self.download_bytes(url, layout.MAX_METADATA_BYTES)


def refresh(folder: Path, source: Source, trusted_root: bytes) -> Refreshed:
    """Refresh the TUF metadata in `folder`, beginning with `trusted_root`; what the folder holds from before protects
    against older versions.

    Raises `PeerLied` for metadata that TUF refuses, and what reading raises; `OSError` of this machine's disk.
    """
    prepare(folder)
    fetcher = SourceFetcher(source)
    config = UpdaterConfig(
        max_root_rotations=MAX_ROOT_ROTATIONS,
        root_max_length=layout.MAX_METADATA_BYTES,
        snapshot_max_length=layout.MAX_METADATA_BYTES,
        targets_max_length=layout.MAX_METADATA_BYTES,
    )
    try:
        updater = Updater(
            str(folder), BASE + layout.METADATA, fetcher=fetcher, config=config, bootstrap=trusted_root
        )
        updater.refresh()
    except DownloadError as error:
        raise fetcher.failure or PeerLied(f"TUF: {error}") from None
    except RepositoryError as error:
        what = f"{fetcher.last}: " if fetcher.last else ""
        raise PeerLied(f"TUF refuses the metadata that is served: {what}{error}") from None
    targets = (folder / "targets.json").read_bytes()
    signed = _targets(targets)
    return Refreshed((folder / "root.json").read_bytes(), targets, signed.version, dict(signed.targets))


def prepare(folder: Path) -> None:
    """Make the folder. Its root history is in the folder itself: Landlock's first version renames within one only."""
    folder.mkdir(exist_ok=True)
    if not (folder / HISTORY).is_symlink():
        os.symlink(".", folder / HISTORY)


def carry_over(old: Path, new: Path) -> None:
    """Copy verified metadata to where it will be refreshed."""
    prepare(new)
    for path in old.glob("*.json"):
        if not path.is_symlink():
            (new / path.name).write_bytes(path.read_bytes())


def _targets(data: bytes) -> Targets:
    metadata: Metadata[Targets] = Metadata.from_bytes(data)
    if metadata.signed.delegations is not None:
        raise Malformed("targets.json: it delegates, which channels don't")
    return metadata.signed
