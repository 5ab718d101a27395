"""Recorded answers to DNS questions: what a profile says that names answer, as a zone file would."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.name
import dns.rrset

from overt.conduct.profile import NOW, DnsRecord

_WILD = "*."


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything that is recorded. What it does not have is for others to make up."""

    _records: Mapping[tuple[str, str], DnsRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, records: tuple[DnsRecord, ...]) -> Zone:
        """The zone of these records; the last of two for the same question counts."""
        return cls({(_key(one.name), one.kind.upper()): one for one in records})

    def find(self, name: dns.name.Name, kind: str) -> dns.rrset.RRset | None:
        """What `name` answers to a question for `kind`; without any data where it was recorded that there is none, and
        None where nothing was. A record of the name itself counts before that of a wildcard (RFC 4592)."""
        for written in _from_near_to_far(name):
            if record := self._records.get((written, kind)):
                values = (value.replace(NOW, str(int(time.time()))) for value in record.values)
                return dns.rrset.from_text(name, record.ttl_s, "IN", kind, *values)
        return None


def _key(name: str) -> str:
    return name.rstrip(".").lower()


def _from_near_to_far(name: dns.name.Name) -> Iterator[str]:
    """The name, and the wildcards that cover it."""
    parts = _key(name.to_text())
    yield parts
    while "." in parts:
        parts = parts.partition(".")[2]
        yield _WILD + parts
