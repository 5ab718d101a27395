"""Build a release of Overt, and put it into the public log.

    python -m scripts.release wheel [--output DIR]        the wheel of the working tree, reproducibly
    python -m scripts.release build [--output DIR]        wheel, SBOM and record of the last commit
    python -m scripts.release found LOG ORIGIN            a new log: its folder, its key, its line for the policy
    python -m scripts.release log LOG RECORD --policy FILE   append, collect cosignatures, write the proof

docs/releases.md explains each step and what it proves.
"""

from __future__ import annotations

import argparse
import base64
import csv
import getpass
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from scripts import sbom

from overt.channel.install import log
from overt.channel.install.proven import RELEASES, names
from overt.channel.install.record import File, ProgramRelease
from overt.channel.publisher import online
from overt.channel.publisher.desk import Desk, write_public
from overt.core.errors import OvertError
from overt.tlog import policy_file

ROOT = Path(__file__).parents[1]
EPOCH = "1577836800"
"""Time of every file in a wheel of the working tree (2020-01-01); a release takes its commit's."""


def build_wheel(tree: Path, output: Path, epoch: str = EPOCH) -> Path:
    """Build the wheel of a source tree into `output`, offline. The same tree gives the same bytes."""
    output.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": epoch,
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LC_ALL": "C",
    }
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output.absolute())]
    before = set(output.glob("*.whl"))
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"building the wheel of {tree} failed:\n{done.stdout}{done.stderr}")
    version = tomllib.loads((tree / "pyproject.toml").read_text())["project"]["version"]
    return next(iter(set(output.glob("*.whl")) - before), output / f"overt-{version}-py3-none-any.whl")


def describe(wheel: Path, bill: File, pins: tuple[sbom.Required, ...]) -> ProgramRelease:
    """The release that a wheel is: its files by their RECORD, each of which is checked against its bytes."""
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = [
            row for row in csv.reader(io.StringIO(archive.read(record).decode())) if row and row[0] != record
        ]
        files = tuple(sorted((_checked(archive, *row) for row in rows), key=lambda file: file.path))
        if {file.path for file in files} | {record} != set(archive.namelist()):
            raise SystemExit(f"{wheel}: its RECORD does not list all of its files")
    program, version = wheel.name.split("-")[:2]
    return ProgramRelease(program, version, described(wheel), files, bill, pins)


def described(path: Path) -> File:
    """A file's name, hash and size."""
    data = path.read_bytes()
    return File(path.name, hashlib.sha256(data).hexdigest(), len(data))


def _checked(archive: zipfile.ZipFile, path: str, digest: str, size: str) -> File:
    data = archive.read(path)
    found = hashlib.sha256(data)
    expected = "sha256=" + base64.urlsafe_b64encode(found.digest()).decode().rstrip("=")
    if digest != expected or int(size) != len(data):
        raise SystemExit(f"{archive.filename}: RECORD and content of {path} differ")
    return File(path, found.hexdigest(), len(data))


def build(tree: Path, output: Path, epoch: str) -> tuple[Path, Path, Path]:
    """Wheel, SBOM and record of a source tree."""
    wheel = build_wheel(tree, output, epoch)
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    program = sbom.Program(
        project["name"], project["version"], project["license"], tuple(project["dependencies"])
    )
    pins = sbom.locked((tree / "requirements/core.txt").read_text(encoding="utf-8"))
    record_name, _, bill_name = names(program.name, program.version)
    bill = output / bill_name
    bill.write_bytes(sbom.bill(program, pins))
    record = output / record_name
    record.write_bytes(describe(wheel, described(bill), pins).encode())
    return wheel, bill, record


def export_commit(target: Path) -> str:
    """Unpack the last commit into `target`; returns its time, in seconds since the Epoch."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")
    shown = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _wheel(args: argparse.Namespace) -> None:
    print(build_wheel(ROOT, args.output))


def _build(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        epoch = export_commit(tree)
        for path in build(tree, args.output, epoch):
            print(f"{described(path).sha256}  {path}")


def _found(args: argparse.Namespace) -> None:
    desk = Desk(args.folder, online.once(_ask))
    key = log.found(desk, args.origin, None if args.unprotected else _chosen("passphrase of the log key"))
    print(f"log {key}")
    print("next: add your witnesses and a quorum to that line; this is the policy", file=sys.stderr)


def _log(args: argparse.Namespace) -> None:
    release = log.read_release(args.record)
    desk = Desk(args.folder, online.once(_ask))
    proof = log.append(desk, release, policy_file.parse(args.policy.read_bytes()))
    path = args.record.with_name(names(release.program, release.version)[1])
    path.write_bytes(proof.encode())
    print(path)
    for name, data in ((args.record.name, release.encode()), (path.name, proof.encode())):
        write_public(desk.public / (RELEASES + name), data)


def _ask(what: str) -> str:
    return getpass.getpass(f"{what}: ")


def _chosen(what: str) -> str:
    """A new passphrase, twice: a slip would lock the log for ever."""
    given = _ask(what)
    if _ask("once more") != given:
        raise SystemExit("release: the two are not the same: nothing was made")
    return given


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(required=True)
    for name, act in (("wheel", _wheel), ("build", _build)):
        action = actions.add_parser(name)
        action.add_argument("--output", type=Path, default=ROOT / "dist", metavar="DIR")
        action.set_defaults(act=act)
    action = actions.add_parser("found")
    action.add_argument("folder", type=Path)
    action.add_argument("origin")
    action.add_argument(
        "--unprotected", action="store_true", help="a key without passphrase: for trying it out"
    )
    action.set_defaults(act=_found)
    action = actions.add_parser("log")
    action.add_argument("folder", type=Path)
    action.add_argument("record", type=Path)
    action.add_argument("--policy", type=Path, required=True, metavar="FILE")
    action.set_defaults(act=_log)
    return parser.parse_args()


def main() -> None:
    """Do what was asked for."""
    arguments = _arguments()
    try:
        arguments.act(arguments)
    except OvertError as error:
        raise SystemExit(f"release: {error}") from None
    except OSError as error:
        raise SystemExit(f"release: {error.filename or 'the log'}: {error.strerror or error}") from None


if __name__ == "__main__":
    main()
