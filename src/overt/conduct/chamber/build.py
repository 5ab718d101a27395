"""A chamber, from the warden's side: made, its steps run, and taken down. Called in the warden only (`in_warden`)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from overt.conduct.chamber import devices, groups, inside, kernel, layers, network, privileges, view
from overt.conduct.chamber.control import Control
from overt.conduct.chamber.denials import Warder
from overt.conduct.chamber.plan import ROOT, ChamberPlan, Command, Denied, Ended, User, Watched, account
from overt.core.errors import ConductError

CLOSE_S = 30.0
"""How long a tracer may take to write out its log when everything inside has ended."""
TMP_PLACES = {"tmp": 0o1777, "run": 0o755}
UNBOUNDED = {
    "memory": "This machine has no control group for memory: the product's use of it was not bounded.",
    "processes": "This machine has no control group for processes: those of the product's root were not bounded.",
    "processor": "This machine has no control group for the processor: the product could keep it from the observers.",
}
ROOM_BYTES = 16 << 20
"""For the masks, beside what the product may write."""


class Chamber:
    """A context manager: on entering, everything is mounted and nothing runs yet; `start` brings it to life."""

    def __init__(self, plan: ChamberPlan, work_folder: Path) -> None:
        """Mount it below `work_folder`. Raises `ConductError`, having taken down what was made."""
        self.plan = plan
        self._work = work_folder
        self._mounted: list[Path] = []
        self._control: Control | None = None
        self._warder: Warder | None = None
        self._denied: tuple[Denied, ...] = ()
        self.init_pid = 0
        """The chamber's init in the warden's process namespace, once started."""
        self._process: subprocess.Popen[bytes] | None = None
        self._groups = groups.make(work_folder.name, plan.limits)
        (work_folder / "groups").write_text("".join(f"{folder}\n" for folder in self._groups.folders))
        try:
            self._build()
            self.network = network.build()
        except (OSError, subprocess.SubprocessError) as error:
            self._take_down()
            raise ConductError(f"the chamber could not be built: {error}") from error
        except ConductError:
            self._take_down()
            raise

    def _build(self) -> None:
        limits = self.plan.limits
        self._store = self._work / "store"
        size = limits.upper_bytes + ROOM_BYTES + sum(layers.size_of(layer) for layer in self.plan.layers)
        self._mount("store", self._store, "tmpfs", f"mode=0700,size={size}")
        self.merged = self._store / "merged"
        """The product's root, as the warden sees it."""
        self.uppers: list[tuple[Path, str, tuple[Path, ...]]] = []
        """Upper layers, each with the path inside that it lies over and the layers below; the first is of "/"."""
        self.masked = view.masks(self.plan)
        mask_layer = self._store / "masks"
        mask_layer.mkdir(0o755)
        layers.write_masks(self.masked, self.plan.root, mask_layer)
        for place in ("", *layers.mount_points(self.plan.root, view.SYSTEM)):
            masked = [mask_layer / place] if (mask_layer / place).is_dir() else []
            self._overlay(place, [*self._kept(place), *masked, self.plan.root / place])
        self._system = len(self.uppers)
        self._homes()
        for name, mode in TMP_PLACES.items():
            self._mount(name, self._at(name), "tmpfs", f"mode={mode:o},size={limits.tmp_bytes}", 0)
        lock = self._at("run/lock")
        lock.mkdir()
        lock.chmod(0o1777)
        dev = self._at("dev")
        devices.furnish(dev, limits.tmp_bytes)
        self._mounted += [dev, dev / "shm", dev / "pts"]
        for item in self.plan.shown:
            self._show(item.outside, item.inside)

    def _at(self, path: str) -> Path:
        """Where a path inside is. For before anything runs: what a kept layer's links say is followed inside."""
        return inside.at(self.merged, path)

    def _kept(self, place: str) -> list[Path]:
        """What the plan's layers have over `place`, copied, since an overlay's layers must not lie in one another, and
        the root's holds all others."""
        copies = []
        for number, layer in enumerate(self.plan.layers):
            kept = layer / _name(place)
            if kept.is_dir():
                copies.append(self._store / f"layer{number}-{_name(place)}")
                layers.copy_layer(kept, copies[-1])
        return copies

    def _mount(self, name: str, target: Path, kind: str, data: str, flags: int = kernel.MS_NOSUID) -> None:
        target.mkdir(exist_ok=True)
        kernel.mount(name, target, kind, flags | kernel.MS_NODEV, data)
        self._mounted.append(target)

    def _overlay(self, place: str, lowers: Sequence[Path]) -> None:
        number = len(self.uppers)
        upper, work = self._store / f"upper{number}", self._store / f"work{number}"
        for folder in (upper, work):
            folder.mkdir(0o755)
        shutil.copystat(lowers[-1], upper)
        target = self._at(place)
        if not place:
            target.mkdir()
        layers.mount_overlay(target, lowers, upper, work)
        self._mounted.append(target)
        self.uppers.append((upper, "/" + place, tuple(lowers)))

    def _homes(self) -> None:
        self.homes_root = self._work / "homes"
        self.homes_root.mkdir(exist_ok=True)
        layers.make_homes(self._work / "homes.img", self.plan.limits.homes_bytes, self.homes_root)
        self._mounted.append(self.homes_root)
        self.homes, root_home = self.homes_root / "home", self.homes_root / "root"
        self.homes.mkdir(0o755)
        root_home.mkdir(0o700)
        user = self.homes / Path(self.plan.user.home).name
        user.mkdir(0o755)
        os.chown(user, self.plan.user.uid, self.plan.user.gid)
        for source, name in ((self.homes, "home"), (root_home, "root")):
            target = self._at(name)
            kernel.bind(source, target)
            self._mounted.append(target)

    def _show(self, outside: Path, place: str) -> None:
        """A folder through an overlay of its own, a file as a copy: a plain bind would lead to the host's file system
        (open_by_handle_at), and a mark of the observer on it would hear the whole host."""
        target = self._at(place)
        if not outside.is_dir():
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(outside, target)
            return
        target.mkdir(parents=True, exist_ok=True)
        for folder in target.relative_to(self.merged).parents:
            # A masked folder on the way, such as /root, lets nobody but root through.
            above = self.merged / folder
            above.chmod(above.stat().st_mode | 0o111)
        self._overlay(str(target.relative_to(self.merged)), [outside])

    @property
    def superblocks(self) -> tuple[Watched, ...]:
        """The chamber's own file systems that hold files: what an observer marks, before `start`."""
        overlays = [Watched(self._at(place), place, False) for _, place, _ in self.uppers]
        tmp = [Watched(self._at(name), f"/{name}", False) for name in (*TMP_PLACES, "dev/shm")]
        return (*overlays, Watched(self.homes_root, "/home", True), *tmp)

    @property
    def roots(self) -> dict[Path, str]:
        """The roots of those file systems as the warden sees them, and where each is inside."""
        return {watched.mount: watched.inside for watched in self.superblocks} | {self.homes_root: "/"}

    @property
    def upper(self) -> Path:
        """The layer of what was written below "/", but for what is on file systems of its own (`uppers`)."""
        return self.uppers[0][0]

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What root has inside."""
        return tuple(dict.fromkeys((*privileges.USUAL, *self.plan.capabilities)))

    @property
    def bounded(self) -> tuple[str, ...]:
        """What a control group bounds here: `memory`, `processes`, `processor`."""
        return self._groups.bounded

    @property
    def unseen(self) -> tuple[str, ...]:
        """What this chamber can't bound or see on this machine, each in a sentence for the report."""
        found = []
        for what, says in UNBOUNDED.items():
            if what not in self.bounded:
                found.append(says)
        if not self.plan.record_denied:
            found.append(
                "Calls that the chamber refuses are known from the trace of calls alone, as the profile asks."
            )
        if Path("/dev/vsock").exists():
            found.append(
                "A VSOCK socket made through io_uring would reach this machine's hypervisor unseen; "
                "made in any other way it is refused."
            )
        return tuple(found)

    def denied(self) -> tuple[Denied, ...]:
        """Calls that the chamber's filter refused so far."""
        return self._warder.denied() if self._warder else self._denied

    def bring(self, source: Path, place: str, owner: User = ROOT) -> None:
        """Copy a file, or a folder with all below it, to the path `place` inside, for `owner`; before `start`, since
        the product could lead the copy elsewhere. Raises `ConductError`."""
        target = self._at(place)
        if self._control is not None or (self.plan.layers and target.exists()):
            raise ConductError(
                f"{source} can be brought to {place} only before anything of the product is there"
            )
        inside.bring(source, target, owner)

    def keep(self, folder: Path) -> None:
        """Copy what was written to the system so far to `folder`, which can be a layer of a later chamber: an installed
        product. Homes, /tmp, /run and what is shown are not in it. Raises `ConductError`."""
        for upper, place, _ in self.uppers[: self._system]:
            layers.copy_layer(upper, folder / _name(place.lstrip("/")))

    def start(self, tracer: Sequence[str] = ()) -> None:
        """Start the chamber's init, below `tracer` (a command that runs what is appended to it, such as `strace -f …`).
        Raises `ConductError`."""
        self._control, theirs = Control.pair()
        command = [sys.executable, "-I", "-m", "overt.conduct.chamber.inner", str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                [*tracer, *command],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            raise ConductError(f"{(*tracer, *command)[0]}: {error.strerror}: is it installed?") from error
        finally:
            theirs.close()
        self._groups.add(self._control.launcher())
        specification = {
            "root": str(self.merged),
            "hostname": self.plan.hostname,
            "capabilities": self.capabilities,
            "allow_mounts": self.plan.allow_mounts,
            "record_denied": self.plan.record_denied,
            "processes": self.plan.limits.processes,
        }
        self.init_pid, listener = self._control.enter(specification, self.network.namespace)
        self._warder = Warder(listener) if listener >= 0 else None

    def execute(self, command: Command, output: Path) -> Ended:
        """Run a command inside, and wait until it ends or its time is over. What it prints is in `output`.

        Raises `ConductError` if the chamber is no more.
        """
        if self._control is None:
            raise ConductError("the chamber was not started")
        who = account(command.user, self.plan.user)
        granted = self.capabilities if command.capabilities is None else command.capabilities
        request = {
            "argv": list(command.argv),
            "env": {**who.environment, **command.env},
            "cwd": command.cwd,
            "user": {"uid": who.uid, "gid": who.gid},
            "capabilities": [name for name in self.capabilities if name in granted],
        }
        most = self.plan.limits.output_bytes
        return self._control.run(request, output, most, command.timeout_s, command.background)

    def close(self) -> None:
        """End everything inside and take the chamber down. What happens anyway when the warden dies, in order."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(CLOSE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._control is not None:
            self._control.last_output()
            self._control = None
        if self._warder is not None:
            self._denied = self._warder.denied()
            self._warder.close()
            self._warder = None
        with contextlib.suppress(OSError):
            os.close(self.network.namespace)
        self._take_down()

    def _take_down(self) -> None:
        for mount in reversed(self._mounted):
            with contextlib.suppress(OSError):
                kernel.unmount(mount)
        self._mounted = []
        groups.remove(self._groups.folders)

    def __enter__(self) -> Chamber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _name(place: str) -> str:
    """Of the folder that holds what was written over `place`: never a path, which the product could lead elsewhere."""
    return quote(place, safe="") or "root"
