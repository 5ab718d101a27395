"""How products of each kind come into the chamber."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from overt.conduct import profile
from overt.conduct.chamber import archives, preflight, products
from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import MIB, ChamberPlan, Limits
from overt.conduct.chamber.products import Prepared, prepare
from overt.conduct.evidence.records import Package
from overt.core.errors import ConductError
from tests.conduct.chamber.rooms import Said, run
from tests.conftest import require

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("lab")]

PLAN = Limits(homes_bytes=32 * MIB, upper_bytes=256 * MIB)


def installed(state: Path, prepared: Prepared, *commands: str) -> list[Said]:
    """Install it in a chamber, and run `commands` there; returns what these said."""

    def bring(chamber: Chamber) -> None:
        for source, inside in prepared.copies:
            chamber.bring(source, inside)

    plan = ChamberPlan(limits=PLAN, shown=prepared.shown, allow_mounts=True, record_denied=False)
    path = f"{prepared.path_prefix}:/usr/sbin:/usr/bin:/sbin:/bin"
    found = run(
        state, [*prepared.commands, *commands], plan, before=bring, env={"PATH": path}, timeout_s=120.0
    )
    install, rest = found[: len(prepared.commands)], found[len(prepared.commands) :]
    assert all(said.ended.exit_status == 0 for said in install), install
    return rest


def deb(folder: Path) -> Path:
    """A package of our own, with a script that runs at its installation."""
    root = folder / "made"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr/bin").mkdir(parents=True)
    control = "Package: overt-test\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: test\n"
    (root / "DEBIAN/control").write_text(control)
    (root / "DEBIAN/postinst").write_text(
        "#!/bin/sh\ninvoke-rc.d --quiet nothing start\nuseradd -r overt-test\n"
    )
    (root / "DEBIAN/postinst").chmod(0o755)
    (root / "usr/bin/overt-test").write_text("#!/bin/sh\necho tested\n")
    (root / "usr/bin/overt-test").chmod(0o755)
    (root / "lib/overt-test").mkdir(parents=True)
    (root / "lib/overt-test/helper").write_text("")
    (root / "lib/overt-test/helper").chmod(0o4755)
    (root / "lib/overt-test/link").symlink_to("helper")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", root, folder / "overt-test_1_all.deb"],
        check=True,
        capture_output=True,
    )
    return folder / "overt-test_1_all.deb"


def test_a_deb_file(tmp_path: Path) -> None:
    require(shutil.which("dpkg-deb") is not None, "dpkg-deb")
    package = deb(tmp_path)
    prepared = prepare(profile.Debian(files=(package.name,)), tmp_path, tmp_path / "work")
    content = package.read_bytes()
    assert prepared.subject == (
        Package(
            name=package.name,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            files=("/usr/bin/overt-test", "/usr/lib/overt-test/helper", "/usr/lib/overt-test/link"),
            set_id=("/usr/lib/overt-test/helper",),
        ),
    )
    found = installed(
        tmp_path,
        prepared,
        "overt-test; getent passwd overt-test",
        "dpkg --purge overt-test && ! which overt-test",
    )
    assert found[0].output.startswith("tested\novert-test:x:") and found[1].ended.exit_status == 0
    status = subprocess.run(["dpkg", "-s", "overt-test"], capture_output=True, check=False)
    assert status.returncode != 0


def test_what_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_text("no archive")
    with pytest.raises(ConductError, match=r"x\.deb can't be read as a Debian package"):
        prepare(profile.Debian(files=("x.deb",)), tmp_path, tmp_path / "work")


def test_packages_of_which_one_must_be_configured_before_another_is_unpacked(tmp_path: Path) -> None:
    require(shutil.which("dpkg-deb") is not None, "dpkg-deb")
    for name, more in (("overt-one", ""), ("overt-two", "Pre-Depends: overt-one\n")):
        control = tmp_path / name / "DEBIAN/control"
        control.parent.mkdir(parents=True)
        control.write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n{more}Description: test\n"
        )
        command = ["dpkg-deb", "--root-owner-group", "-b", tmp_path / name, tmp_path / f"{name}.deb"]
        subprocess.run(command, check=True, capture_output=True)
    install = profile.Debian(files=("overt-one.deb", "overt-two.deb"))
    found = installed(tmp_path, prepare(install, tmp_path, tmp_path / "work"), "dpkg -s overt-two")
    assert "Status: install ok installed" in found[0].output


def test_a_package_of_the_machines_own_sources(tmp_path: Path) -> None:
    lists = Path("/var/lib/apt/lists")
    require(lists.is_dir() and any(lists.glob("*Packages*")), "package lists (apt-get update)")
    state = {
        path: path.stat().st_mtime_ns
        for path in (Path("/var/lib/dpkg/status"), Path("/var/cache/apt"), lists)
    }
    prepared = prepare(profile.Debian(packages=("hello",)), tmp_path, tmp_path / "work")
    assert state == {path: path.stat().st_mtime_ns for path in state}
    assert [package.name.split("_")[0] for package in prepared.subject] == ["hello"]
    assert installed(tmp_path, prepared, "hello")[0].output == "Hello, world!\n"


def test_a_package_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConductError, match="could not be fetched"):
        prepare(profile.Debian(packages=("overt-no-such-package",)), tmp_path, tmp_path / "work")


def archive(folder: Path, name: str) -> None:
    """With a tool in it."""
    (folder / "tool").write_text("echo unpacked")
    if "zip" in name:
        with zipfile.ZipFile(folder / name, "w") as made:
            made.write(folder / "tool", "tool")
    else:
        subprocess.run(["tar", "-caf", folder / name, "-C", folder, "tool"], check=True)


@pytest.mark.parametrize("name", ["product.tar.gz", "product.zip", "a zip without its ending"])
def test_an_archive(tmp_path: Path, name: str) -> None:
    archive(tmp_path, name)
    prepared = prepare(profile.Archive(path=name), tmp_path, tmp_path / "work")
    assert installed(tmp_path, prepared, "sh /opt/product/tool")[0].output == "unpacked\n"


@pytest.mark.parametrize(
    ("name", "programs"),
    [
        ("p.tar", ("tar",)),
        ("p.tar.bz2", ("tar", "bzip2")),
        ("p.tar.xz", ("tar", "xz")),
        ("p.tar.lzma", ("tar", "xz")),
        ("p.tar.zst", ("tar", "zstd")),
        ("p.zip", ("unzip",)),
    ],
)
def test_what_unpacks_an_archive(tmp_path: Path, name: str, programs: tuple[str, ...]) -> None:
    archive(tmp_path, name)
    assert archives.unpackers(tmp_path / name) == programs


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".lzma", ".zst"])
def test_a_tar_that_finds_nothing_out_by_itself_is_told(tmp_path: Path, suffix: str) -> None:
    """As busybox's: read from a pipe, where GNU's does not look ahead either."""
    archive(tmp_path, name := f"p.tar{suffix}")
    command = prepare(profile.Archive(path=name), tmp_path, tmp_path / "work").commands[-1]
    piped = ["-" if word.endswith(name) else word.replace("/opt/product", str(tmp_path)) for word in command]
    (tmp_path / "tool").unlink()
    with open(tmp_path / name, "rb") as stream:
        subprocess.run(piped, stdin=stream, check=True)
    assert (tmp_path / "tool").is_file()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        bytes(10_240),
        gzip.compress(b"no tar" * 200),
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"PK\3\4",
    ],
)
def test_what_is_no_archive_is_refused_before_anything_starts(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "product.zip").write_bytes(content)
    with pytest.raises(ConductError, match=r"product.zip is no archive that tar or unzip unpacks"):
        prepare(profile.Archive(path="product.zip"), tmp_path, tmp_path / "work")
    with pytest.raises(ConductError, match=r'is no file: .* how = "folder"'):
        prepare(profile.Archive(path="."), tmp_path, tmp_path / "work")


def test_what_a_system_lacks_is_said_before_anything_starts(tmp_path: Path) -> None:
    """Of a snapshot, not of this machine; links in it are its own."""
    system = tmp_path / "system"
    (system / "usr/bin").mkdir(parents=True)
    (system / "bin").symlink_to("/usr/bin")
    archive(tmp_path, "p.tar.gz")
    for install, lacking in (
        (profile.Archive(path="p.tar.gz"), "no mkdir and no tar and no gzip"),
        (profile.Debian(packages=("hello",)), "no sh and no dpkg"),
        (profile.Wheel(folder=".", name="x"), "no python3"),
        (profile.Script(path="tool"), "no sh"),
    ):
        with pytest.raises(ConductError, match=f"the system below .*system has {lacking}, which"):
            prepare(install, tmp_path, tmp_path / "work", system)
    for name in ("mkdir", "tar", "gzip"):
        (system / "usr/bin" / name).touch()
    assert prepare(profile.Archive(path="p.tar.gz"), tmp_path, tmp_path / "work", system).commands


def test_a_wheel(tmp_path: Path) -> None:
    require(Path("/usr/lib/python3/dist-packages/pip").is_dir(), "python3-pip and python3-venv")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "overt_probe-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("overt_probe.py", "def main(): print('a wheel')\n")
        info = "overt_probe-1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: overt-probe\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nprobe = overt_probe:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    prepared = prepare(profile.Wheel(folder="wheels", name="overt-probe"), tmp_path, tmp_path / "work")
    assert installed(tmp_path, prepared, "probe")[0].output == "a wheel\n"


def test_a_folder_and_a_script(tmp_path: Path) -> None:
    folder = tmp_path / "product"
    folder.mkdir()
    (folder / "install.sh").write_text('echo "$1" > /etc/installed; cat /opt/product/part >> /etc/installed')
    (folder / "part").write_text("part")
    prepared = prepare(
        profile.Script(path="product/install.sh", arguments=("word",)), tmp_path, tmp_path / "work"
    )
    assert installed(tmp_path, prepared, "cat /etc/installed")[0].output == "word\npart"
    prepared = prepare(profile.Folder(path="product"), tmp_path, tmp_path / "work")
    assert prepared.subject[0].sha256 == products.digest(folder)
    assert installed(tmp_path, prepared, "cat /opt/product/part; touch /opt/product/new")[0].output == "part"
    assert not (folder / "new").exists()


def test_overt_itself(tmp_path: Path) -> None:
    prepared = prepare(profile.Overt(), tmp_path, tmp_path / "work")
    where = Path(sys.executable).parent
    require((where / "overt").exists(), "overt on this interpreter's path")
    found = installed(tmp_path, prepared, "overt --version", f"touch {sys.prefix}/changed")
    assert found[0].output.startswith("overt ")
    assert not (Path(sys.prefix) / "changed").exists()


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for install in (
        profile.Folder(path="none"),
        profile.Archive(path="none.zip"),
        profile.Present(files=("/none",)),
    ):
        with pytest.raises(ConductError, match="none"):
            prepare(install, tmp_path, tmp_path / "work")


def test_a_folders_digest_is_sha256sums(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("b")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/c").write_text("c")
    lines = subprocess.run(["sha256sum", "a/c", "b"], cwd=tmp_path, capture_output=True, check=True).stdout
    assert products.digest(tmp_path) == hashlib.sha256(lines).hexdigest()


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert preflight.missing() == []
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(preflight.shutil, "which", lambda *_, **__: None)
    assert "nft: apt-get install nftables" in preflight.missing()
    assert not any(line.startswith("strace") for line in preflight.missing(trace=False))
