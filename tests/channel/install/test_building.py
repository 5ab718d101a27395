"""The wheel and the bill of materials come out the same, whoever builds them, wherever and whenever."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from scripts import release as building
from scripts import sbom

from overt.channel.install import place, verify
from overt.channel.install.record import Required, parse
from tests.channel.install.conftest import LIBRARY, ROOT, World, add_distribution, copy_sources


def disturbed(tree: Path, umask: int, seed: int) -> Path:
    """The same sources, created in another order, under another umask, with other times."""
    old = os.umask(umask)
    try:
        source = copy_sources(tree.with_name(f"{tree.name}-source"))
        files = [path for path in source.rglob("*") if path.is_file()]
        random.Random(seed).shuffle(files)
        for path in files:
            target = tree / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            then = time.time() - random.Random(seed).randrange(10**8)
            os.utime(target, (then, then))
        shutil.rmtree(source)
    finally:
        os.umask(old)
    return tree


@pytest.mark.slow
def test_two_builds_give_the_same_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, umasks, times, order of creation, time zone, locale and hash seed differ."""
    first = building.build_wheel(disturbed(tmp_path / "a", 0o022, 1), tmp_path / "out-a")
    for name, value in (("TZ", "Asia/Kathmandu"), ("LC_ALL", "C.UTF-8"), ("PYTHONHASHSEED", "7")):
        monkeypatch.setenv(name, value)
    old = os.umask(0o077)
    try:
        second = building.build_wheel(disturbed(tmp_path / "deeper/and/b", 0o077, 2), tmp_path / "out-b")
    finally:
        os.umask(old)
    assert first.name == second.name == "overt-0.1.0-py3-none-any.whl"
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {0o644}
        assert "overt-0.1.0.data/data/share/man/man1/overt.1" in archive.namelist()


def test_the_record_lists_every_file(pristine: World) -> None:
    wheel = pristine.releases / pristine.release.wheel.path
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == pristine.release.wheel.sha256
    with zipfile.ZipFile(wheel) as archive:
        for file in pristine.release.files:
            data = archive.read(file.path)
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.sha256, file.size)
        assert len(archive.namelist()) == len(pristine.release.files) + 1
    assert parse(pristine.evidence.release.read_bytes()) == pristine.release


def test_a_wheel_whose_record_does_not_fit_is_no_release(pristine: World, tmp_path: Path) -> None:
    bad = tmp_path / pristine.release.wheel.path
    shutil.copy(pristine.releases / bad.name, bad)
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("overt/evil.py", "")
    with pytest.raises(SystemExit, match="does not list all of its files"):
        building.describe(bad, pristine.release.sbom, ())


def bill() -> bytes:
    program = sbom.Program("overt", "0.1.0", "Apache-2.0", ("tuf>=7", "jinja2>=3"))
    return sbom.bill(program, sbom.locked((ROOT / "requirements/core.txt").read_text()))


def test_the_bill_of_materials_is_valid_and_always_the_same() -> None:
    text = bill().decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert bill().decode() == text
    assert "timestamp" not in json.loads(text)["metadata"]


def test_the_bill_of_materials_is_the_lock() -> None:
    lock = (ROOT / "requirements/core.txt").read_text()
    found = json.loads(bill())
    parts = {part["name"]: part for part in found["components"]}
    for line in lock.splitlines():
        if "==" in line and not line.startswith(" "):
            name, _, version = line.partition(" ")[0].partition("==")
            assert parts[name]["version"] == version
            assert parts[name]["purl"] == f"pkg:pypi/{name}@{version}"
    assert sum(len(part["hashes"]) for part in parts.values()) == lock.count("--hash=sha256:")
    assert parts["tuf"]["licenses"] == [{"expression": "Apache-2.0 OR MIT"}]
    assert (parts["tuf"]["scope"], parts["hatchling"]["scope"]) == ("required", "excluded")
    assert parts["securesystemslib"]["scope"] == "required"


def make_wheel(folder: Path, files: dict[str, str]) -> Path:
    tree = folder / "unpacked"
    add_distribution(tree, "examplelib", "1.0", files)
    wheel = folder / "examplelib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(tree).as_posix())
    return wheel


def test_dependencies_held_to_their_wheels(world: World, tmp_path: Path) -> None:
    """Whoever changes a dependency's file and its RECORD is found when the wheels are there, and only then."""
    wheel = make_wheel(tmp_path, LIBRARY)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    requires = (*world.release.requires[:-1], Required("examplelib", "1.0", (digest,)))
    release = replace(world.release, requires=requires)
    where = place.other(world.venv)
    assert not verify.verify(where, release, tmp_path).findings
    shutil.rmtree(world.site / "examplelib")
    add_distribution(
        world.site, "examplelib", "1.0", {**LIBRARY, "examplelib/part.py": "def part(): return 3\n"}
    )
    assert not verify.verify(where, release).findings
    (found,) = verify.verify(where, release, tmp_path).findings
    assert (found.kind, found.path) == ("changed", str(world.site / "examplelib/part.py"))
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    (dependency,) = (one for one in verify.verify(where, release, tmp_path).dependencies)
    assert not dependency.proven
