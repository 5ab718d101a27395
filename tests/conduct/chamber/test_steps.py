"""Steps: how they end, what survives them, and what they may use."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from overt.conduct.chamber import kernel, layers
from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import ChamberPlan, Limits
from overt.conduct.chamber.warden import in_warden
from tests.conduct.chamber.rooms import SMALL, python, run, say
from tests.waiting import until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("lab")]


def test_exit_statuses(tmp_path: Path) -> None:
    found = run(tmp_path, ["exit 3", "kill -9 $$", ["/no/such/program"], "echo out; echo err >&2"])
    assert [said.ended.exit_status for said in found] == [3, -9, 127, 0]
    assert "not found in the chamber" in found[2].output and found[3].output == "out\nerr\n"


def test_a_step_that_takes_too_long_ends_with_all_it_started(tmp_path: Path) -> None:
    slow = "(setsid sleep 7001 &); setsid sh -c 'setsid sleep 7002 & sleep 7003' & trap '' TERM; sleep 7004"
    daemon = "setsid sleep 7000 >/dev/null 2>&1 & echo up"

    def work(chamber: Chamber) -> None:
        say(chamber, daemon, tmp_path / "daemon")
        ended = say(chamber, slow, tmp_path / "slow", timeout_s=1.5).ended
        assert ended.timed_out and ended.exit_status is None and ended.leftover == 0
        left = say(chamber, "ps -eo args | grep -o '^sleep 700.'", tmp_path / "left")
        assert left.output == "sleep 7000\n"

    run(tmp_path, [], after=work)


def test_a_background_step_goes_on(tmp_path: Path) -> None:
    def work(chamber: Chamber) -> None:
        daemon = "echo ready; sleep 7000"
        ended = say(chamber, daemon, tmp_path / "daemon", background=True, timeout_s=0.3).ended
        assert ended.exit_status is None and not ended.timed_out
        assert until(lambda: (tmp_path / "daemon").read_text() == "ready\n")
        sees = "until pgrep -fx 'sleep 7000'; do sleep 0.1; done"
        assert say(chamber, sees, tmp_path / "seen").ended.exit_status == 0
        early = say(chamber, ["false"], tmp_path / "false", background=True).ended
        assert early.exit_status == 1

    run(tmp_path, [], after=work)


def test_output_is_bounded(tmp_path: Path) -> None:
    plan = ChamberPlan(limits=Limits(homes_bytes=16 << 20, output_bytes=1000))
    said = run(tmp_path, ["head -c 5000000 /dev/zero | tr '\\0' x"], plan)[0]
    assert said.output == "x" * 1000 + "\n[4999000 more bytes were not kept]\n"


def test_greed_is_bounded(tmp_path: Path) -> None:
    bomb = python("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
    hog = python("a=[]\nwhile True: a.append(b'x' * 10**7)")
    places = "/usr /home /tmp /run /dev/shm"
    fill = f"for place in {places}; do dd if=/dev/zero of=$place/full bs=1M 2>&1; rm $place/full; done"

    def work(chamber: Chamber) -> None:
        ended = say(chamber, bomb, tmp_path / "bomb", timeout_s=5.0).ended
        assert ended.timed_out and ended.leftover == 0
        assert say(chamber, "echo alive", tmp_path / "then").output == "alive\n"
        assert say(chamber, hog, tmp_path / "hog").ended.exit_status in (-9, 1)
        assert say(chamber, fill, tmp_path / "fill").output.count("No space left") == 5
        assert say(chamber, "echo alive", tmp_path / "last").output == "alive\n"

    run(tmp_path, [], after=work)


def test_writes_are_in_the_upper_layer_and_make_a_layer_of_a_later_chamber(tmp_path: Path) -> None:
    kept = tmp_path / "kept"

    def keep(chamber: Chamber) -> None:
        chamber.keep(kept)

    word = secrets.token_hex(8)
    run(tmp_path, [f"echo {word} > /etc/product; rm /etc/debian_version; mkdir /opt/product"], after=keep)
    assert (kept / "root/etc/product").read_text().strip() == word and (
        kept / "root/etc/debian_version"
    ).is_char_device()
    later = run(
        tmp_path,
        ["cat /etc/product; ls /etc/debian_version; ls /opt"],
        ChamberPlan(limits=SMALL, layers=(kept,)),
    )
    assert word in later[0].output and "No such file" in later[0].output and "product" in later[0].output


def test_a_snapshot_with_a_file_system_of_its_own_below(tmp_path: Path) -> None:
    """A folder as the root, in which /usr is another mount: as on machines with several partitions."""

    def work(folder: Path) -> None:
        root, disk = folder / "system", folder / "usr"
        for path in (root / "etc", root / "usr", root / "var", disk):
            path.mkdir(parents=True)
        layers.make_homes(folder / "usr.img", 32 << 20, root / "usr")
        for name in ("bin", "lib", "lib64", "sbin"):
            (root / name).symlink_to(f"usr/{name}")
            (root / "usr" / name).mkdir()
        _busybox_like(root)
        (root / "usr/there").write_text("on its own disk")
        with Chamber(ChamberPlan(root=root, limits=SMALL), folder) as chamber:
            assert [place for _, place, _ in chamber.uppers] == ["/", "/usr"]
            assert (chamber.merged / "usr/there").read_text() == "on its own disk"
            (chamber.merged / "usr/new").write_text("inside")
            assert (chamber.uppers[1][0] / "new").read_text() == "inside"
            assert not (root / "usr/new").exists()
        kernel.unmount(root / "usr")
        (tmp_path / "done").touch()

    in_warden(work, tmp_path)
    assert (tmp_path / "done").exists()


def _busybox_like(root: Path) -> None:
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")


def test_init_comes_first_in_line_and_stays_there(tmp_path: Path) -> None:
    """It shares a control group with those that it has to end."""
    looks = "ps -o ni= -p 1; ps -o ni= -p $$"
    lower = "renice -n 19 -p 1; renice -n 19 -g 1; renice -n 19 -u root; chrt --idle -p 0 1; taskset -p 1 1"
    found = run(tmp_path, [looks, f"{lower}; ps -o ni=,cls= -p 1; nice -n 5 nice"])
    assert found[0].output.split() == ["-20", "0"]
    assert found[1].output.split()[-3:] == ["-20", "TS", "5"], found[1].output


def test_init_does_not_mind_signals(tmp_path: Path) -> None:
    found = run(tmp_path, ["for signal in 9 15 19 2 1 17; do kill -$signal 1; done; sleep 0.2", "echo alive"])
    assert found[1].output == "alive\n"


def test_a_product_can_not_have_init_killed_for_memory(tmp_path: Path) -> None:
    """It is not for root to say that the kernel is to choose init."""
    hog = "echo 1000 > /proc/1/oom_score_adj; a=x; while true; do a=$a$a; done"
    found = run(tmp_path, [hog, "echo alive"], timeout_s=20.0)
    assert found[1].output == "alive\n"


def test_output_of_the_last_moment_is_kept(tmp_path: Path) -> None:
    def work(chamber: Chamber) -> None:
        talk = (
            "trap 'echo last' EXIT; for n in $(seq 20000); do echo line $n; done; touch /tmp/said; sleep 600"
        )
        say(chamber, talk, tmp_path / "talk", timeout_s=0.1, background=True)
        say(chamber, "until [ -e /tmp/said ]; do sleep 0.1; done", tmp_path / "wait")

    run(tmp_path, [], after=work)
    assert (tmp_path / "talk").read_text().splitlines()[-1] == "line 20000"
