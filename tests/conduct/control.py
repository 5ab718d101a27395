"""The ground truth of the spying control against what the finder found in a run with it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.evidence.conclusions import OpaqueBytes, Sighting
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Canary, Flow

SPY = Path(__file__).parent / "subjects/spy/spy.py"
HOARDS = Path(__file__).parent / "subjects/hoards"
DOMAIN = ".spy.example"
FORMS = dict.fromkeys(("md5", "sha1", "sha256", "sha512", "blake2b"), "digest")

NOT_FOUND = {
    "c-encrypted": "encryption with a key that never left",
    "w-marked-encrypted": "encryption with a key that never left",
    "c-add9": "a key of nine bytes, added",
    "c-add9-bits": "a key of nine bytes, added",
    "c-rolling": "a key that changes from byte to byte",
    "v-pinned": "nothing left: the server's certificate was not the one that it wants",
}
"""Ways that no sighting is expected of, and why."""

ENCRYPTED = ("c-encrypted", "w-marked-encrypted")
"""Ways of which no byte can be read: what they depend on shows in sizes, and in runs that are compared."""

UNREAD = (*ENCRYPTED, "c-add9", "c-add9-bits", "c-rolling")
"""Ways that are not found, and of which the report says that they could not be read."""

PARTLY = {
    "v-server-name": "only the first 600 bytes leave, which in some formats are the same in many files",
    "d-head-md5": "the first kilobyte of some formats is the same in many files",
    "s-first-kb": "the first kilobyte of some formats is the same in many files",
    "n-names-dns": "names such as places.sqlite are on every machine",
    "n-name": "names such as places.sqlite are on every machine",
    "n-name-base64": "names such as places.sqlite are on every machine",
}
"""Ways of which some sightings may fail, and why."""
SIZES = "the sizes of databases and of secrets are those of many such files"


@dataclass(frozen=True)
class Sent:
    """One line of the spy's own account."""

    way: str
    path: str
    form: str
    bytes: int


def account(run: RunFolder) -> Iterator[Sent]:
    """What the spy says that it sent."""
    for path in sorted((run.path / "output").iterdir()):
        for line in path.read_text("utf-8", "replace").splitlines():
            if line.startswith('{"way"'):
                yield Sent(**json.loads(line))


def ways() -> set[str]:
    """All that the spy knows."""
    specification = importlib.util.spec_from_file_location("spy", SPY)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["spy"] = module
    specification.loader.exec_module(module)
    return set(module.WAYS)


def accused(run: RunFolder) -> set[str]:
    """Paths of canaries that were found in what left."""
    canaries = {canary.number: canary.path for canary in run.read(Canary)}
    return {canaries[sighting.canary] for sighting in run.read(Sighting)}


def found(run: RunFolder) -> dict[Sent, list[Sighting]]:
    """Each canary sent → the sightings that name it, in this form, on its way to this host. What else the spy sent (the
    homes have ordinary files, too) is nothing that anybody could know again."""
    return _found(run, lambda sent: FORMS.get(sent.form, sent.form))


def sized(run: RunFolder) -> set[Sent]:
    """Each canary sent whose size was found on its way, whatever else left of it."""
    return {sent for sent, sightings in _found(run, lambda sent: "size").items() if sightings}


def unread(run: RunFolder) -> set[str]:
    """Ways to whose host something left that could not be read."""
    return {way_of(row.destination) for row in run.read(OpaqueBytes) if row.bytes} - {""}


def _found(run: RunFolder, form: Callable[[Sent], str]) -> dict[Sent, list[Sighting]]:
    canaries = {canary.number: canary.path for canary in run.read(Canary) if canary.token}
    ways = {flow.number: set(_ways(flow)) for flow in run.read(Flow)}
    seen: dict[tuple[str, str, str], list[Sighting]] = defaultdict(list)
    for sighting in run.read(Sighting):
        for way in set.intersection(*(ways[number] for number in sighting.flows)):
            seen[way, canaries.get(sighting.canary, ""), sighting.form].append(sighting)
    paths = set(canaries.values())
    return {sent: seen[sent.way, sent.path, form(sent)] for sent in account(run) if sent.path in paths}


def way_of(place: str) -> str:
    """The way whose host this is; nothing if it is none's."""
    host = place.partition(":")[0]
    return host.removesuffix(DOMAIN) if host.endswith(DOMAIN) else ""


def only(ways: Sequence[str], folder: Path) -> Path:
    """A profile of the spying control with these ways only, below `folder`."""
    shutil.copytree(SPY.parent, folder / "spy")
    profile = folder / "spy/profile.toml"
    chosen = ", ".join(f'"{word}"' for word in ("--ways", *ways))
    text = profile.read_text().replace('"scan", "{homes}"', f'"scan", "{{homes}}", {chosen}')
    profile.write_text(text)
    return profile


def hoarding(how: str, folder: Path) -> Path:
    """A profile of the hoarding control that works like this, below `folder`."""
    shutil.copytree(HOARDS, folder / "hoards")
    shutil.copy(SPY, folder / "hoards")
    profile = folder / "hoards/profile.toml"
    profile.write_text(profile.read_text().replace("HOW", how))
    return profile


def _ways(flow: Flow) -> Iterator[str]:
    """The ways whose host this conversation was with, or asked a name server about."""
    for name in (flow.name, flow.server_name, *(request.target for request in flow.requests)):
        host = name.split("//")[-1].partition("/")[0].partition(":")[0].lower().rstrip(".")
        if host.endswith(DOMAIN):
            yield host.removesuffix(DOMAIN).rpartition(".")[2]
