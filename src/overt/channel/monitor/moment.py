"""Times as they are written everywhere in alarms, pages and feeds."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(time_s: int) -> str:
    """RFC 3339, in UTC, from seconds since the Epoch; a time that no calendar has is the Epoch."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00Z"
