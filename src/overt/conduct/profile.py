"""What a product is, how it is installed, what is exercised, and what it says that it does: a TOML file.

The fields are documented in docs/conduct-profiles.md; a test holds that page against the types here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeAlias

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import msgspec

from overt.conduct import forms
from overt.conduct.evidence.records import StepKind
from overt.core.errors import UsageError

SCHEMA = 1

PLACES = {
    "homes": "/home",
    "home": "/home/alice",
    "documents": "/home/alice/Documents",
    "detections": "/home/alice/Downloads",
    "product": "/opt/product",
    "files": "/opt/files",
}
"""What `{…}` in a command stands for: absolute paths inside the chamber."""

DETECTIONS = (StepKind.SCAN_DETECTION, StepKind.ON_ACCESS)
"""Kinds of step in which a product meets what it is to find."""

NOW = "{now}"
"""In a recorded DNS answer: the time."""

ANY_HOST = "*"
"""In `replay`: all hosts that are not named."""

_PLACE = re.compile(r"(.*) - at `([^`]*)`", re.DOTALL)
_NUMBER = re.compile(r"\[(\d+)\]")

_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)\}")

_AHEAD = re.compile(r"([+-]\d{1,6})([dh])")
CLOCK_YEARS = range(2000, 2100)
"""That a PC's clock can show."""

MAX_BYTES = 1 << 20
"""Of a profile."""
DEFAULT_STEP_S = 600
MAX_STEP_S = 24 * 3600

Seconds = Annotated[float, msgspec.Meta(gt=0, le=MAX_STEP_S)]
Words = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Status = Annotated[int, msgspec.Meta(ge=-64, le=255)]
"""Of a command that ended; negative: the signal that ended it."""


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is examined."""

    name: str
    maker: str = ""
    homepage: str = ""
    version: tuple[str, ...] = ()
    """The command that prints its version."""


class Present(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="present"):
    """It is on this machine already: its installation is not observed, and the report says so."""

    files: Words
    """What it consists of, for its digest: absolute paths of files or folders. They are shown to it, read-only, where
    they are, also where the chamber masks what lies around them."""


class Overt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="overt"):
    """The Overt that runs the lab, with the Python that it runs on: present, as above. `overt` is on its PATH."""


class Debian(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="debian"):
    """Debian packages, from the machine's own package sources, or from files."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """`.deb` files, relative to the profile."""


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="archive"):
    """An archive that tar or unzip unpacks into `{product}`."""

    path: str


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="wheel"):
    """Python wheels, installed by pip without a network into a virtual environment in `{product}`."""

    folder: str
    """Holds the wheel and all that it needs."""
    name: str


class Folder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="folder"):
    """A folder that is copied to `{product}`."""

    path: str


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="how", tag="script"):
    """A script that installs it, run inside the chamber; what is beside it is at `{product}`."""

    path: str
    arguments: tuple[str, ...] = ()


Install: TypeAlias = Present | Overt | Debian | Archive | Wheel | Folder | Script


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is exercised. Installation comes by itself, before the first."""

    kind: StepKind
    command: Words = ("true",)
    """Run without a shell. `{home}` and the like are replaced (`PLACES`)."""
    user: str = "root"
    """`root` or `alice`."""
    timeout_s: Seconds = DEFAULT_STEP_S
    expect: tuple[Status, ...] = (0,)
    """Exit statuses of a product that works; none: any will do."""
    finds: str = ""
    """Words of a line of its output by which a `scan-detection` or `on-access` step tells that what it was to find was
    found. Without such a line it did not end as expected."""
    background: bool = False
    """It goes on after the step: a daemon. `timeout_s` is then how long the step waits for it to get ready."""
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the product declares that it does, in the named steps, or in all when none is named.

    Paths are patterns as in .gitignore, from the root: `/var/lib/clamav/**`. Places are `name:port`, where a name may
    begin with `*.`, and an undeclared port means 443.
    """

    steps: tuple[StepKind, ...] = ()
    why: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    executes: tuple[str, ...] = ()
    connects: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()
    """`tcp:3310`, `unix:/run/clamav/clamd.ctl`."""
    privileges: tuple[str, ...] = ()
    """Capabilities, as capabilities(7) names them."""
    sends: tuple[str, ...] = ()
    """What it says that leaves: `content`, `name`, `digest`; none: nothing about files."""


class DnsRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a name answers to one kind of question in replay mode. What is not recorded is made up."""

    name: str
    """`*.example.org` stands for every name below."""
    kind: str
    """`A`, `AAAA`, `CNAME`, `MX`, `SRV`, `TXT`, …"""
    values: tuple[str, ...] = ()
    """As in a zone file (RFC 1035 §5.1); none: the name has no such record. `{now}` stands for the time of the question
    in seconds since 1970."""
    ttl_s: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] = 60


class Room(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the chamber gives the product beyond the usual."""

    capabilities: tuple[str, ...] = ()
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    homes_mb: Annotated[int, msgspec.Meta(ge=16, le=65536)] = 256
    files: str = ""
    """A folder (relative to the profile) that the steps need, such as a signature database: it is at `{files}`."""
    mounts: bool = False
    """Whether it may make namespaces and mount in them, as programs that confine themselves do."""
    own_filter: bool = False
    """Whether it listens to a seccomp filter of its own: what the chamber refuses it is then not recorded."""
    channel: str = ""
    """Host name of a rule channel that the lab publishes for this run: served there over HTTPS; `{files}/root.json` is
    what a client of it starts from. At `forged.` and that name somebody else, with other keys, serves another one."""
    replay: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Host name → folder (relative to the profile) with the files that it serves."""
    dns: tuple[DnsRecord, ...] = ()
    """What names answer, beyond an address of their own."""

    @property
    def recorded(self) -> bool:
        """Whether there is anything to replay."""
        return bool(self.replay or self.channel or self.dns)


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It runs in a virtual machine of its own, not in a chamber: seen is what it sends, and what is on its disk."""

    system: Literal["debian", "minimal"] = "debian"
    """A small Debian of this machine's release, with systemd; or nothing but busybox."""
    packages: tuple[str, ...] = ()
    """Of that Debian, beside the usual: what the product expects to be there."""
    memory_mb: Annotated[int, msgspec.Meta(ge=128, le=65536)] = 1024
    disk_mb: Annotated[int, msgspec.Meta(ge=16, le=65536)] = 1024
    """What is free on its disk."""
    clock: str = "now"
    """What its clock shows at its start: `now`, `+400d`, `2027-01-01`, `2027-01-01T12:00:00Z`."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole profile."""

    schema: int
    product: Product
    install: Install
    step: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]
    scope: tuple[Scope, ...] = ()
    chamber: Room = Room()
    machine: Machine | None = None

    def scope_of(self, kind: StepKind) -> Scope:
        """Everything that is declared for one kind of step, in one."""
        parts = [scope for scope in self.scope if not scope.steps or kind in scope.steps]

        def joined(field: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(item for part in parts for item in getattr(part, field)))

        lists = ("reads", "writes", "executes", "connects", "listens", "privileges", "sends")
        why = " ".join(part.why for part in parts if part.why)
        return Scope(steps=(kind,), why=why, **{field: joined(field) for field in lists})


_KINDS = f": known are {', '.join(StepKind)}"
KNOWN = (
    (re.compile(r"install\.how"), ": known are present, overt, debian, archive, wheel, folder, script"),
    (re.compile(r"step \d+\.kind"), _KINDS),
    (re.compile(r"scope \d+\.steps \d+"), _KINDS),
)
"""Places of words of which there are few, and which these are, for messages."""


def read(path: Path) -> Profile:
    """The profile in a file. Raises `UsageError` that names the file, the field and what it should be."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}: 'overt conduct profiles' lists the profiles that are ready"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {error}: a profile is a text in UTF-8") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: over {MAX_BYTES} bytes: that is no profile")
    return parse(text, str(path))


def parse(text: str, name: str) -> Profile:
    """The profile in `text`; `name` is for messages. Raises `UsageError`."""
    try:
        profile = msgspec.convert(tomllib.loads(text), Profile)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{name}: {_told(str(error))} (docs/conduct-profiles.md lists the fields)"
        ) from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise UsageError(f"{name}: {error} (a profile is TOML: docs/conduct-profiles.md)") from error
    if profile.schema != SCHEMA:
        raise UsageError(f"{name}: schema {profile.schema} is not known here, only {SCHEMA}: update Overt")
    if not profile.product.name.strip():
        raise UsageError(f"{name}: [product] name is empty")
    _check_values(profile, name)
    if profile.machine is not None:
        clock(profile.machine.clock, datetime.now(UTC), f"{name}: [machine] clock")
    return profile


def _told(error: str) -> str:
    """What msgspec says, with the place as people count: the first step is step 1; and with what is known there."""
    match = _PLACE.fullmatch(error)
    if match is None:
        return error
    place = _NUMBER.sub(lambda number: f" {int(number[1]) + 1}", match[2].removeprefix("$").lstrip("."))
    what = match[1].replace("`", "")
    known = next((words for form, words in KNOWN if form.fullmatch(place)), "")
    return f"{place.replace('.', ', ') or 'the whole'}: {what}{known}"


def _check_values(profile: Profile, name: str) -> None:
    """What has the right type and can't be meant. Raises `UsageError`."""
    room = profile.chamber
    run = (profile.product.version, profile.install, profile.step, room)
    forms.check_texts(msgspec.to_builtins(run), name)
    _check_command(profile.product.version, f"{name}: [product] version")
    if isinstance(profile.install, Present):
        forms.check_present(profile.install.files, f"{name}: [install] files")
    for number, step in enumerate(profile.step, 1):
        _check(step, f"{name}: step {number}")
    for number, scope in enumerate(profile.scope, 1):
        for field in forms.FORMS:
            forms.check_scope(field, getattr(scope, field), f"{name}: scope {number}")
    forms.check_environment(room.environment, f"{name}: [chamber]")
    for host in (
        *(host for host in room.replay if host != ANY_HOST),
        *([room.channel] if room.channel else ()),
    ):
        forms.check_host(host, f"{name}: [chamber] replay or channel")
    for number, record in enumerate(room.dns, 1):
        _check_dns(record, f"{name}: dns {number}")


def clock(text: str, now: datetime, where: str) -> datetime:
    """What a machine's clock shows at `now`: `text` is `now`, days or hours from now, or a date (UTC) with or without a
    time (ISO 8601). Raises `UsageError`."""
    try:
        if text == "now":
            return now
        if ahead := _AHEAD.fullmatch(text):
            unit = timedelta(days=1) if ahead[2] == "d" else timedelta(hours=1)
            found = now + int(ahead[1]) * unit
        else:
            found = datetime.fromisoformat(text)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if found.year in CLOCK_YEARS:
            return found
    except (ValueError, OverflowError):
        pass
    years = f"from {CLOCK_YEARS[0]} to {CLOCK_YEARS[-1]}"
    raise UsageError(f"{where} {text!r}: it is now, +400d, -12h, 2027-01-01 or 2027-01-01T12:00:00Z, {years}")


def _check(step: Step, where: str) -> None:
    if step.user not in ("root", "alice"):
        raise UsageError(f"{where}: user {step.user!r}: it is root or alice inside the chamber")
    _check_command(step.command, where)
    forms.check_environment(step.environment, where)
    if step.finds and (step.kind not in DETECTIONS or step.background):
        raise UsageError(
            f"{where}: finds: it goes with a step {' or '.join(DETECTIONS)} that comes to an end, not in the background"
        )
    forms.check_finds(step.finds, where)


def _check_command(command: tuple[str, ...], where: str) -> None:
    forms.check_command(command, where)
    filled(command, where)


def _check_dns(record: DnsRecord, where: str) -> None:
    """A record that could not be sent would be found out in the middle of a run."""
    try:
        dns.name.from_text(record.name)
        kind = dns.rdatatype.from_text(record.kind)
        for value in record.values:
            dns.rdata.from_text("IN", kind, value.replace(NOW, "0"))
    except (dns.exception.DNSException, ValueError) as error:
        raise UsageError(
            f"{where}: {record.name} {record.kind}: {error}: values are as in a zone file"
        ) from error


def filled(command: tuple[str, ...], where: str) -> tuple[str, ...]:
    """`command` with its placeholders replaced (`${name}` is left to a shell). Raises `UsageError`."""

    def place(match: re.Match[str]) -> str:
        if match[1] not in PLACES:
            known = " ".join(f"{{{name}}}" for name in PLACES)
            raise UsageError(f"{where}: {match[0]} stands for nothing: known are {known}")
        return PLACES[match[1]]

    return tuple(_PLACEHOLDER.sub(place, word) for word in command)


def ready() -> dict[str, Path]:
    """The profiles that come with Overt: name → file."""
    folder = Path(str(resources.files("overt.conduct"))) / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find(name: str) -> Path:
    """The file of a ready profile or, if `name` looks like a path, that. Raises `UsageError`."""
    if name in (known := ready()):
        return known[name]
    if PurePosixPath(name).suffix == ".toml" or "/" in name:
        return Path(name)
    raise UsageError(f"no profile {name!r}: ready are {', '.join(known)}; or give a file, NAME.toml")
