"""A wheel built once, a real virtual environment with it, and a log with witnesses that it is a release in."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripts import release as building

from overt.channel.install import place, proven, verify
from overt.channel.install.proven import Evidence
from overt.channel.install.record import ProgramRelease, Required, parse
from overt.channel.install.verify import Report
from overt.tlog import policy_file, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import EMPTY_TREE, leaf_hash
from overt.tlog.note import Note
from overt.tlog.proof import LogProof
from overt.tlog.reader import LogReader
from overt.tlog.signing import cosign, sign

ROOT = Path(__file__).parents[3]
ORIGIN = "example.org/overt-releases"
WITNESSES = 4
SOURCES = ("src", "docs/overt.1", "pyproject.toml", "README.md", "LICENSE", ".gitignore", "requirements")


def copy_sources(target: Path) -> Path:
    """What the wheel is built from, without anything compiled."""
    for name in SOURCES:
        source = ROOT / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target


@dataclass(frozen=True)
class ReleaseLog:
    """A log's key and its witnesses', all of this test."""

    origin: str = ORIGIN
    seed: int = 1

    @property
    def signer(self) -> MemorySigner:
        return MemorySigner(self.origin, SignatureType.ED25519, bytes([self.seed]) * 32)

    @property
    def witnesses(self) -> list[MemorySigner]:
        seeds = range(self.seed + 100, self.seed + 100 + WITNESSES)
        kind = SignatureType.ED25519_COSIGNATURE
        return [MemorySigner(f"witness{n}.example", kind, bytes([n]) * 32) for n in seeds]

    def policy(self, quorum: int = 3) -> bytes:
        """The policy file: so many of the witnesses."""
        names = [f"w{number}" for number in range(WITNESSES)]
        lines = [f"log {self.signer.key.encode()}"]
        lines += [f"witness {name} {one.key.encode()}" for name, one in zip(names, self.witnesses)]
        lines += [f"group all {quorum} {' '.join(names)}", "quorum all"]
        return "".join(f"{line}\n" for line in lines).encode()

    def proof(self, release: ProgramRelease, cosigners: int = 3) -> bytes:
        """The release as the third of five entries, cosigned by so many."""
        entries = [b'{"other":1}', b'{"other":2}', release.leaf(), b'{"other":3}', b'{"other":4}']
        appended = writer.append(EMPTY_TREE, entries, _nothing)
        checkpoint = Checkpoint(self.origin, appended.head)
        now = int(time.time())
        signatures = [sign(checkpoint.text, self.signer)]
        signatures += [cosign(checkpoint, one, now - 60) for one in self.witnesses[:cosigners]]
        reader = LogReader(appended.head, lambda path: appended.tiles[path])
        note = Note(checkpoint.text, tuple(signatures))
        made = LogProof(2, reader.inclusion_proof(2), note)
        assert policy_file.parse(self.policy()).logs and leaf_hash(release.leaf())
        return made.encode()


def _nothing(path: str) -> bytes:
    raise FileNotFoundError(path)


@dataclass(frozen=True)
class World:
    """An environment with Overt installed, and the folder with its release."""

    venv: Path
    releases: Path
    release: ProgramRelease

    @property
    def site(self) -> Path:
        (found,) = self.venv.glob("lib/python3.*/site-packages")
        return found

    @property
    def evidence(self) -> Evidence:
        return proven.found_in(self.releases, "overt", self.release.version)

    def check(self, wheels: Path | None = None) -> Report:
        """Prove the release, compare the environment with it."""
        shown = proven.read(self.evidence)
        return verify.verify(place.other(self.venv), shown.release, wheels)

    def found(self, wheels: Path | None = None) -> set[tuple[str, str, str]]:
        """Grade, kind and path below the environment of everything found."""
        return {
            (one.grade.value, one.kind.value, one.path.removeprefix(f"{self.venv}/"))
            for one in self.check(wheels).findings
        }

    def overt(self, *arguments: object, own: bool = False) -> subprocess.CompletedProcess[str]:
        """`overt verify-install` run from the trusted copy, or by the environment's own command."""
        command = [self.venv / "bin/overt"] if own else [sys.executable, "-m", "overt"]
        return subprocess.run(
            [*command, "verify-install", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.venv.parent,
            check=False,
        )


def add_distribution(site: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Install a package as installers do: its files, its metadata, its RECORD."""
    info = f"{name}-{version}.dist-info"
    content = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
    rows = []
    for path, text in content.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        rows.append(f"{path},sha256={digest},{len(text)}\n")
    (site / info / "RECORD").write_text("".join([*rows, f"{info}/RECORD,,\n"]))


LIBRARY = {"examplelib/__init__.py": "VALUE = 1\n", "examplelib/part.py": "def part():\n    return 2\n"}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Built, installed and logged once; also a dependency of the release, `examplelib`."""
    folder = tmp_path_factory.mktemp("install")
    tree = copy_sources(folder / "tree")
    releases = folder / "releases"
    wheel, _, record = building.build(tree, releases, building.EPOCH)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin/python", "install", "--quiet"]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(
        [*pip, "--no-deps", "--no-index", "--compile", wheel], check=True, timeout=120, env=environment
    )
    built = parse(record.read_bytes())
    required = Required("examplelib", "1.0", ())
    release = ProgramRelease(
        built.program, built.version, built.wheel, built.files, built.sbom, (*built.requires, required)
    )
    record.write_bytes(release.encode())
    log = ReleaseLog()
    (releases / proven.names("overt", release.version)[1]).write_bytes(log.proof(release))
    (releases / proven.POLICY).write_bytes(log.policy())
    world = World(venv, releases, release)
    add_distribution(world.site, "examplelib", "1.0", LIBRARY)
    shutil.copytree(venv, folder / "kept-venv", symlinks=True)
    shutil.copytree(releases, folder / "kept-releases")
    return world


@pytest.fixture
def world(pristine: World) -> World:
    """The same paths for every test, as they were before the one that ran."""
    for current in (pristine.venv, pristine.releases):
        restore(current.with_name(f"kept-{current.name}"), current)
    return pristine


def restore(kept: Path, current: Path) -> None:
    """Make `current` what `kept` is, touching only what differs."""
    wanted = {path.relative_to(kept): path for path in kept.rglob("*")}
    for path in sorted(current.rglob("*"), reverse=True):
        if path.relative_to(current) not in wanted:
            path.unlink() if path.is_symlink() or not path.is_dir() else path.rmdir()
    for name, source in sorted(wanted.items()):
        target = current / name
        if source.is_dir() and not source.is_symlink():
            target.mkdir(exist_ok=True)
        elif not target.exists() or state(target) != state(source):
            target.unlink(missing_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def state(path: Path) -> tuple[int, int, int]:
    """What a change to a file changes."""
    found = path.lstat()
    return found.st_mode, found.st_size, found.st_mtime_ns
