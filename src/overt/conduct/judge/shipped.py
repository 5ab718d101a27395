"""What a product's packages list that they install: known from the packages themselves, whatever their scripts did."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from overt.conduct.evidence.records import Change, Changed, Subject
from overt.conduct.judge.persistence import starts

SCRIPT = re.compile(r"/var/lib/dpkg/info/(?P<package>[^/:]+)(:[^/.]+)?\.(preinst|postinst|prerm|postrm)")


@dataclass(frozen=True, slots=True)
class Shipped:
    """The lists of all packages of a product."""

    files: frozenset[str] = frozenset()
    set_id: frozenset[str] = frozenset()

    packages: frozenset[str] = frozenset()
    """Their names."""

    @classmethod
    def of(cls, subject: Subject) -> Shipped:
        """Of what was examined."""
        packages = subject.packages
        return cls(
            frozenset(path for one in packages for path in one.files),
            frozenset(path for one in packages for path in one.set_id),
            frozenset(one.name.partition("_")[0] for one in packages),
        )

    def explains(self, change: Change) -> bool:
        """Whether it is no more than what a package lists put in its place, or removed: a listed file; a link that
        turns a listed service on; what sets a listed service."""
        if change.changed not in (Changed.ADDED, Changed.REMOVED):
            return False
        return change.path in self.files or self._turns_on(change) or self._sets(change.path)

    def alters_another(self, change: Change) -> bool:
        """Whether it changes a script that the package manager runs for another package: dpkg itself never does."""
        script = SCRIPT.fullmatch(change.path)
        return (
            change.changed is Changed.MODIFIED
            and script is not None
            and script["package"] not in self.packages
        )

    def _turns_on(self, change: Change) -> bool:
        if change.kind != "link" or not change.detail.startswith("target "):
            return False
        target = change.detail.removeprefix("target ")
        path = os.path.normpath(PurePosixPath(change.path).parent / target)
        return any(one in self.files and starts(one) for one in (path, f"/usr{path}"))

    def _sets(self, path: str) -> bool:
        """`/etc/systemd/system/x.service.d/…` is about x.service (systemd.unit(5))."""
        folder = PurePosixPath(path).parent
        unit = folder.name.removesuffix(".d")
        units = ("/usr/lib/systemd/system", "/lib/systemd/system")
        return str(folder) == f"/etc/systemd/system/{unit}.d" and any(
            f"{above}/{unit}" in self.files for above in units
        )


NOTHING_LISTED = Shipped()
"""Of a product that came in no packages."""
