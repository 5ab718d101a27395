"""The folder that becomes a virtual machine's disk: a system, made-up accounts and homes, and the lab's own agent."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from overt.conduct.chamber import inside, kernel, layers, view
from overt.conduct.chamber.network import Network
from overt.conduct.chamber.plan import ALICE, ROOT, ChamberPlan
from overt.conduct.chamber.vm import image
from overt.conduct.chamber.vm.image import LAB, Parts
from overt.core.errors import ConductError

USUAL = ("systemd-sysv", "ca-certificates")
"""Packages of every Debian that is made here, beside those that are essential."""
INSTALL_S = 1800.0
COPY_S = 600.0
FOLDERS = ("bin", "etc", "home", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var")
TIMERS = ("lib/systemd/system/timers.target.wants", "etc/systemd/system/timers.target.wants")
"""What a Debian does by the clock (looking for updates, for one) is not the product's conduct: it is turned off."""
JOURNAL = "var/log/journal"
"""Nor is what it writes down of itself: systemd keeps its journal in memory where there is no such folder."""
MASKED = (
    "getty.target",
    "serial-getty@ttyS0.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "e2scrub_reap.service",
)
"""Nor log-ins, of which there are none, and what looks after disks."""
SERVICES = "etc/systemd/system"


def debian(root: Path, more: Iterable[str] = ()) -> None:
    """Install a small Debian, of this machine's release, with the packages `more` into the folder `root`, by
    debootstrap in namespaces of its own. Raises `ConductError`."""
    release = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
    if release is None:
        raise ConductError("a Debian for a virtual machine is made on Debian: give one with --snapshot DIR")
    wanted = ",".join(dict.fromkeys((*USUAL, *more)))
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts"]
    command = ["debootstrap", "--variant=minbase", f"--include={wanted}", release[1], str(root)]
    try:
        done = subprocess.run(
            [*private, *command],
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            preexec_fn=kernel.die_with_parent,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConductError(f"debootstrap: {error}: apt-get install debootstrap") from error
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "W:"))]
        why = said[-1] if said else f"it ended with {done.returncode}"
        raise ConductError(f"debootstrap could not install {wanted}: {why}")


def minimal(root: Path, parts: Parts) -> None:
    """A system of nothing but busybox. Raises `ConductError`."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    (root / "root").chmod(0o700)
    (root / "tmp").chmod(0o1777)
    shutil.copy2(parts.busybox, root / "bin/busybox")
    listed = subprocess.run(
        [parts.busybox, "--list"], capture_output=True, text=True, timeout=COPY_S, check=False
    )
    if listed.returncode:
        raise ConductError(f"busybox can't be run here: {listed.stderr.strip()}")
    for name in set(listed.stdout.split()) - {"busybox"}:
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/os-release").write_text('PRETTY_NAME="busybox"\n')


def copy(system: Path, root: Path) -> None:
    """Copy a system for one run; what is mounted below it is not in the copy. Raises `ConductError`."""
    command = ["cp", "-a", "-x", "--reflink=auto", f"{system}/.", str(root)]
    root.mkdir()
    done = subprocess.run(command, capture_output=True, text=True, timeout=COPY_S, check=False)
    if done.returncode:
        raise ConductError(f"{system} could not be copied: {done.stderr.strip()[-500:]}")


def furnish(root: Path, parts: Parts, cable: Network) -> Path:
    """Make it this run's machine: accounts, host name and the like as in a chamber, empty homes, and the agent that
    runs the steps. Returns the folder of homes. Raises `OSError`."""
    plan = ChamberPlan(root=root)
    for folder in (*TIMERS, JOURNAL):
        shutil.rmtree(inside.at(root, folder), ignore_errors=True)
    layers.write_masks(view.made_up(plan), root, root)
    home = root / ALICE.home.lstrip("/")
    home.mkdir(0o755)
    shutil.chown(home, ALICE.uid, ALICE.gid)
    (root / ROOT.home.lstrip("/")).mkdir(0o700, exist_ok=True)
    _bring_agent(root, parts, _settings(plan, cable))
    return home.parent


def _bring_agent(root: Path, parts: Parts, settings: dict[str, str]) -> None:
    lab = root / LAB
    (lab / "work").mkdir(parents=True)
    for name in ("start.sh", "agent.sh"):
        (lab / name).write_bytes(image.script(name))
    shutil.copyfile(parts.busybox, lab / "busybox")
    (lab / "busybox").chmod(0o755)
    (lab / "settings").write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
    if (root / "lib/systemd/systemd").exists():
        wants = root / SERVICES / "multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (root / SERVICES / "lab-agent.service").write_bytes(image.script("agent.service"))
        (wants / "lab-agent.service").symlink_to("../lab-agent.service")
        for name in MASKED:
            (root / SERVICES / name).unlink(missing_ok=True)
            (root / SERVICES / name).symlink_to("/dev/null")


def _settings(plan: ChamberPlan, cable: Network) -> dict[str, str]:
    return {
        "NAME": plan.hostname,
        "V4": cable.chamber_v4,
        "V6": cable.chamber_v6,
        "GATEWAY4": cable.sink_v4,
        "GATEWAY6": cable.sink_v6,
    }
