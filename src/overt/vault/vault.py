"""Quarantine: what a scan session and the command line ask of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from overt.core.errors import VaultError
from overt.core.model import Finding
from overt.vault.container import Container, load
from overt.vault.export import copy_container, write_zip
from overt.vault.original import open_original
from overt.vault.place import Place, resolve, why
from overt.vault.record import Exhibit
from overt.vault.recover import Recovery, settle
from overt.vault.restore import Restored, put, put_back
from overt.vault.seal import move_in
from overt.vault.shelf import Shelf, Suffix, locked_shelf, open_shelf


@dataclass(frozen=True, slots=True)
class Damage:
    """A sealed file whose record can't be read."""

    id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that is in the vault, oldest first."""

    exhibits: tuple[Exhibit, ...] = ()
    damaged: tuple[Damage, ...] = ()


class Vault:
    """The quarantine in one folder, which is created (mode 0700) when it is first needed.

    Every change holds the folder's lock, and first settles what a dead process left (`recover`).
    All methods raise `VaultError`, whose message says where the file is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seal(
        self,
        path: str,
        findings: Sequence[Finding],
        expected: os.stat_result | None = None,
        source_fd: int | None = None,
    ) -> Exhibit:
        """Move the file `path` into the vault.

        `expected` is its status when it was scanned: a file that is another by now is left alone. `source_fd` is
        the descriptor it was scanned through, if the caller still has it; otherwise the file is opened by name.
        """
        with self._changing() as shelf, open_original(path, expected, source_fd) as original:
            return move_in(shelf, original, findings, expected)

    def survey(self) -> Survey:
        """Every sealed file's record; contents are not verified."""
        with open_shelf(self.folder) as shelf:
            return Survey() if shelf is None else _survey(shelf)

    def entries(self) -> tuple[Exhibit, ...]:
        """Every readable record, oldest first."""
        return self.survey().exhibits

    def entry(self, id: str) -> Exhibit:
        """The record of the file whose identifier is, or alone starts with, `id`."""
        with open_shelf(self.folder) as shelf, _container(shelf, id) as (_, container):
            return container.exhibit

    def restore(self, id: str, to: Path | None = None, overwrite: bool = False) -> Restored:
        """Put the file back where it was, or to `to` (a file name, or a folder), and out of the vault."""
        with self._changing() as shelf, _container(shelf, id) as (_, container):
            place = Place(*os.path.split(container.exhibit.path)) if to is None else _target(to, container)
            return put_back(shelf, container, place, overwrite)

    def delete(self, id: str) -> str:
        """Remove a sealed file for good; returns its identifier. A damaged one can be deleted too."""
        with self._changing() as shelf:
            found = _identify(shelf, id)
            try:
                shelf.remove(found, Suffix.SEALED)
            except OSError as error:
                raise VaultError(f"{found} was not deleted from the vault: {why(error)}") from error
            return found

    def export(self, id: str, to: Path, plain: bool = False, overwrite: bool = False) -> str:
        """Copy a sealed file to `to` (a file name, or a folder) and return the path written.

        It stays sealed, unless `plain`: then the content goes into a zip with the password `infected`.
        """
        with self._changing() as shelf, _container(shelf, id) as (found, container):
            name = f"{container.exhibit.sha256}.zip" if plain else f"{found}{Suffix.SEALED}"
            place = _named(to, name)
            fill = write_zip if plain else copy_container
            put(shelf, container, place, overwrite, lambda fd: fill(fd, container), restores=False)
            try:
                shelf.remove(found, Suffix.WRITING)
            except OSError as error:
                raise VaultError(
                    f"{place.path!r} was written, but the vault is failing: {why(error)}"
                ) from error
            return place.path

    def recover(self) -> tuple[Recovery, ...]:
        """Settle what dead processes left; nothing when the vault is in use by a living one, or not there yet."""
        with open_shelf(self.folder) as present:
            if present is None:
                return ()
        with locked_shelf(self.folder, wait=False) as shelf:
            return () if shelf is None else self._recover(shelf)

    @contextmanager
    def _changing(self) -> Iterator[Shelf]:
        with locked_shelf(self.folder) as shelf:
            assert shelf is not None
            self._recover(shelf)
            try:
                yield shelf
            except OSError as error:
                raise VaultError(f"the vault {str(self.folder)!r} can't be read: {why(error)}") from error

    def _recover(self, shelf: Shelf) -> tuple[Recovery, ...]:
        try:
            return settle(shelf)
        except OSError as error:
            raise VaultError(
                f"the vault {str(self.folder)!r} has unfinished work that can't be settled: {why(error)}"
            ) from error


def _survey(shelf: Shelf) -> Survey:
    exhibits: list[Exhibit] = []
    damaged: list[Damage] = []
    for id in shelf.ids(Suffix.SEALED):
        try:
            exhibits.append(_exhibit(shelf, id))
        except VaultError as error:
            damaged.append(Damage(id, str(error)))
        except OSError as error:
            if shelf.ids(Suffix.SEALED).count(id):  # else: deleted or restored meanwhile
                damaged.append(Damage(id, why(error)))
    return Survey(tuple(sorted(exhibits, key=lambda exhibit: exhibit.sealed_at_ns)), tuple(damaged))


def _exhibit(shelf: Shelf, id: str) -> Exhibit:
    fd = shelf.open(id)
    try:
        return load(fd).exhibit
    finally:
        os.close(fd)


def _identify(shelf: Shelf | None, id: str) -> str:
    """The one identifier that starts with `id`."""
    found = [known for known in (shelf.ids(Suffix.SEALED) if shelf else ()) if id and known.startswith(id)]
    if len(found) == 1 or id in found:
        return id if id in found else found[0]
    if found:
        raise VaultError(f"{id!r} is the beginning of {len(found)} identifiers: give more of it")
    raise VaultError(f"nothing in the vault has the identifier {id!r}: see `overt quarantine list`")


@contextmanager
def _container(shelf: Shelf | None, id: str) -> Iterator[tuple[str, Container]]:
    """The identifier and the open container that `id` means."""
    found = _identify(shelf, id)
    assert shelf is not None
    try:
        fd = shelf.open(found)
    except OSError as error:
        raise VaultError(f"{found} can't be opened in the vault: {why(error)}") from error
    try:
        yield found, _load(fd, found)
    finally:
        os.close(fd)


def _load(fd: int, id: str) -> Container:
    try:
        container = load(fd)
    except VaultError as error:
        raise VaultError(f"{id}: {error}") from error
    except OSError as error:
        raise VaultError(f"{id} can't be read in the vault: {why(error)}") from error
    if container.exhibit.id != id:
        raise VaultError(f"{id} is the sealed file {container.exhibit.id} under a wrong name")
    return container


def _target(to: Path, container: Container) -> Place:
    return _named(to, os.path.basename(container.exhibit.path))


def _named(to: Path, name: str) -> Place:
    """`to`, or `name` in it when it is a folder."""
    return resolve(os.path.join(to, name) if os.path.isdir(to) else os.fspath(to))
