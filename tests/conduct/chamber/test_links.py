"""Links of the product's never lead the lab itself to the host: not in what it looks at, changes or keeps."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.conduct.chamber import inside, trust
from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import ChamberPlan, Shown
from overt.core.errors import ConductError
from tests.conduct.chamber.rooms import SMALL, run, say
from tests.conduct.chamber.test_trust import authority

kernel = pytest.mark.kernel
lab = pytest.mark.usefixtures("lab")


def manifest(folder: Path) -> list[tuple[str, int, int, bytes]]:
    """Everything in a folder of the host's."""
    paths = sorted(folder.rglob("*"))
    return [
        (
            str(path),
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in paths
    ]


@kernel
@lab
@pytest.mark.parametrize(
    "place", ["/usr/local/share", "/usr/local/share/ca-certificates", "/opt", "/etc/ssl/certs", "/srv"]
)
def test_establishing_trust_after_a_hostile_installation(tmp_path: Path, place: str) -> None:
    pem, _ = authority(tmp_path)
    other, _ = authority(tmp_path)
    host = tmp_path / "host"
    (host / "ca-certificates").mkdir(parents=True)
    (host / "ca-bundle.crt").write_bytes(other * 25)
    (host / "cacerts").write_bytes(b"store")
    before = manifest(host)

    def after(chamber: Chamber) -> None:
        done = trust.establish(chamber.merged, pem)
        assert bool(done.not_done) == place.startswith("/usr/local")

    found = run(
        tmp_path, [f"rm -rf {place}; mv {place} /gone; ln -s {host} {place}; readlink {place}"], after=after
    )
    assert found[0].output.splitlines()[-1] == str(host)
    assert manifest(host) == before


@kernel
@lab
def test_a_link_that_changes_while_trust_is_established(tmp_path: Path) -> None:
    pem, _ = authority(tmp_path)
    other, _ = authority(tmp_path)
    host = tmp_path / "host"
    host.mkdir()
    (host / "ca-bundle.crt").write_bytes(other * 25)
    before = manifest(host)
    swap = f"""
mkdir /opt/a; cp /etc/ssl/certs/ca-certificates.crt /opt/a/ca-bundle.crt; ln -s {host} /opt/b
while true; do mv -T /opt/a /opt/c; mv -T /opt/b /opt/a; mv -T /opt/a /opt/b; mv -T /opt/c /opt/a; done
"""

    def after(chamber: Chamber) -> None:
        say(chamber, swap, tmp_path / "swap", background=True, timeout_s=0.3)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            trust.establish(chamber.merged, pem)

    run(tmp_path, [], after=after)
    assert manifest(host) == before


@kernel
@lab
def test_keeping_and_reusing_what_a_hostile_product_left(tmp_path: Path) -> None:
    host, kept, source = tmp_path / "host", tmp_path / "kept", tmp_path / "source"
    for folder in (host, source):
        folder.mkdir()
    (source / "file").write_text("shown")
    plan = ChamberPlan(limits=SMALL, shown=(Shown(source, "/work/tree/source"),))
    before = manifest(host)
    hostile = (
        f"mv /work /elsewhere; ln -s {host} /work; mv /opt /opt2; ln -s {host} /opt; "
        f"echo more > /elsewhere/tree/source/more; "
        f"for place in home root tmp run dev proc sys; do ln -s {host} /$place 2>/dev/null; done; true"
    )
    run(tmp_path, [hostile], plan, after=lambda chamber: chamber.keep(kept))
    assert manifest(host) == before and (kept / "root/work").is_symlink()
    later = ChamberPlan(limits=SMALL, shown=(Shown(source, "/opt/files"),), layers=(kept,))
    found = run(tmp_path, ["cat /opt/files/file; id -un; ls /tmp"], later, before=_cannot_bring(tmp_path))
    assert found[0].output.startswith("shown") and manifest(host) == before


@kernel
@lab
def test_a_link_that_changes_while_a_product_is_kept(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    for number in range(50):
        (host / f"secret{number}").write_text("the host's own")
    swap = f"""
mkdir /opt/a; for n in $(seq 50); do echo mine > /opt/a/secret$n; done; ln -s {host} /opt/b
while true; do mv -T /opt/a /opt/c; mv -T /opt/b /opt/a; mv -T /opt/a /opt/b; mv -T /opt/c /opt/a; done
"""

    def after(chamber: Chamber) -> None:
        say(chamber, swap, tmp_path / "swap", background=True, timeout_s=0.3)
        for number in range(40):
            with contextlib.suppress(ConductError):  # a file was gone between two looks
                chamber.keep(tmp_path / f"kept{number}")

    run(tmp_path, [], after=after)
    kept = [path.read_text() for path in tmp_path.glob("kept*/**/secret*") if not path.is_symlink()]
    assert set(kept) == {"mine\n"}


def _cannot_bring(tmp_path: Path) -> Callable[[Chamber], None]:
    def attempt(chamber: Chamber) -> None:
        with pytest.raises(ConductError, match="before anything of the product"):
            chamber.bring(tmp_path / "source", "/opt")

    return attempt


@kernel
@lab
def test_a_strict_umask_of_the_one_who_starts_the_lab(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        found = run(
            tmp_path,
            ["ls / /opt /home /run /etc && touch /tmp/x /run/lock/y && cat /etc/passwd"],
            user="alice",
        )
    finally:
        os.umask(before)
    assert found[0].ended.exit_status == 0, found[0].output


def test_paths_are_resolved_as_inside(tmp_path: Path) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "usr/lib/deep").symlink_to("/usr")
    (tmp_path / "up").symlink_to("../../../../etc")
    (tmp_path / "round").symlink_to("round")
    assert inside.at(tmp_path, "/lib/deep/new/file") == tmp_path / "usr/new/file"
    assert inside.at(tmp_path, "/up/passwd") == tmp_path / "etc/passwd"
    assert inside.at(tmp_path, "../../x/./y") == tmp_path / "x/y"
    with pytest.raises(ConductError, match="circle"):
        inside.at(tmp_path, "/round")


@kernel
@lab
def test_work_inside_sees_nothing_else_and_tells_its_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    assert inside.run(tmp_path, lambda: os.listdir("/"), list[str]) == ["file"]
    with pytest.raises(ConductError, match="FileNotFoundError"):
        inside.run(tmp_path, lambda: os.listdir("/etc"), list[str])
    assert subprocess.run(["true"], check=False).returncode == 0
