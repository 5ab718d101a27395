"""A harmless marker that stands for malware in the tests, and the one rule that finds it."""

from __future__ import annotations

from overt.core.limits import Limits
from overt.core.model import Examination
from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import ENGINE, Matcher
from overt.engine.pack import COMMON, Pack, RuleRecord

PAYLOAD = b"overt-test-payload:" + b"3f9a51c07be2d846" + b":harmless\r\n" + bytes(range(256)) * 4
RULE = 'rule test_payload { strings: $a = "overt-test-payload:3f9a51c07be2d846" condition: $a }'


def pack(source: str = RULE, name: str = "test_payload") -> Pack:
    """A pack of one rule."""
    return Pack(ENGINE, ("test",), {f"t:{name}": RuleRecord(name, "test")}, {COMMON: {"t": source}})


def examiner(limits: Limits | None = None, passwords: tuple[str, ...] = ()) -> Examiner:
    """An examiner that knows only the payload."""
    return Examiner(Matcher(pack()), HashSets(), limits, passwords)


def examine(data: bytes, limits: Limits | None = None, passwords: tuple[str, ...] = ()) -> Examination:
    """Examine `data` with the payload's rule."""
    return examiner(limits, passwords).examine(data)
