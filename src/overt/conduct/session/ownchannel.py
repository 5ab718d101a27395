"""A rule channel that the lab publishes for one run, so that a client of channels has something real to update from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overt.channel import layout
from overt.channel.publisher import build, founding, publish, sources
from overt.channel.publisher.desk import Desk
from overt.core.errors import ConductError

NAME = "lab"
RULE = """rule lab_example : test
{
    meta:
        description = "an example of the conduct lab, which no file matches"
        author = "the conduct lab"
        license = "CC0-1.0"
    strings:
        $text = { 6f 76 65 72 74 20 6c 61 62 20 65 78 61 6d 70 6c 65 00 01 02 03 04 }
    condition:
        $text
}
"""


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """What was published."""

    tree: Path
    """The static files."""
    forged: Path
    """The same in the name of the same publisher, by somebody else."""
    root: Path
    """What a client starts from."""


def found(work: Path, host: str) -> OwnChannel:
    """A development channel below `work`, with one release of one rule. Raises `ChannelError`, `ConductError`."""
    rules = work / "rules"
    rules.mkdir(parents=True)
    (rules / "example.yar").write_text(RULE, encoding="utf-8")
    honest, forged = (_published(Desk(work / name, _no_secrets), rules, host) for name in ("desk", "forged"))
    return OwnChannel(honest, forged, honest / layout.metadata("root", 1))


def _published(desk: Desk, rules: Path, host: str) -> Path:
    """The tree of a channel with keys of its own."""
    founding.found(desk, founding.Plan(NAME, f"{host}/{NAME}", development=True), None)
    origin = sources.Origin(NAME, (str(rules),), "the conduct lab", "CC0-1.0", f"https://{host}")
    built = build.build(NAME, 0, sources.Sources((origin,)), build.static_review)
    if not isinstance(outcome := publish.publish(desk, built.data), publish.Published):
        raise ConductError(f"the lab's own channel could not be published: {outcome}")
    return desk.public


def _no_secrets(what: str) -> str:
    raise ConductError(f"the lab's own channel has no secret, and was asked for {what}")
