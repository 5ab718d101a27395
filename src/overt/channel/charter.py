"""What a channel's root keys say of it: a member `overt` of TUF's root metadata, signed by the root threshold.

TUF lets metadata carry members that it does not know (1.0.34, 4.1), and every client keeps them. So the log's and the
witnesses' keys change only with a root ceremony, and the logged hash of root is the logged hash of the policy too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overt.core.errors import Malformed

MEMBER = "overt"
MAX_POLICY_BYTES = 64 << 10
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}", re.ASCII)
"""A channel's name."""
DEVELOPMENT = "development channel: one person holds every key"
"""What every client shows of a channel whose charter says so."""
_MEMBERS = {"channel", "origin", "development", "policy"}


@dataclass(frozen=True, slots=True)
class Charter:
    """The channel's name, its log's origin line, whether one person holds all keys, and its c2sp.org/tlog-policy."""

    channel: str
    origin: str
    development: bool
    policy: str

    def as_member(self) -> dict[str, Any]:
        """The value of root's member `overt`."""
        return {
            "channel": self.channel,
            "origin": self.origin,
            "development": self.development,
            "policy": self.policy,
        }

    @property
    def warning(self) -> str:
        """What a client must show of this channel; empty for one that is run as it should be."""
        return DEVELOPMENT if self.development else ""


def charter_of(unrecognized: Mapping[str, Any]) -> Charter:
    """The charter among root's unrecognized fields; its policy is left to `tlog.policy`. Raises `Malformed`."""
    value = unrecognized.get(MEMBER)
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise Malformed(f"root metadata: member {MEMBER!r} is not an object with exactly {sorted(_MEMBERS)}")
    name, origin, development, policy = (value[key] for key in ("channel", "origin", "development", "policy"))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Malformed(f"root metadata: {name!r} can't name a channel")
    if not isinstance(origin, str) or not isinstance(policy, str) or not isinstance(development, bool):
        raise Malformed(f"root metadata: a part of {MEMBER!r} has the wrong type")
    if len(policy.encode()) > MAX_POLICY_BYTES:
        raise Malformed(f"root metadata: the policy has more than {MAX_POLICY_BYTES} bytes")
    return Charter(name, origin, development, policy)
