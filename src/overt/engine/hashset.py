"""Hash sets: sorted digests in one memory-mapped file per algorithm, shared by all workers.

File layout (little-endian), written by `overt.rules`:

    offset  size            field
    0       8               magic "OVERTHS1"
    8       8               header length H (bytes, multiple of 8)
    16      H               JSON header: algorithm, count, sizes, labels_at, ...
    ...     65_537 * 4      fan-out: index of the first record whose digest starts with each 16-bit prefix
    ...     count * 16      records: digest bytes 2..14, then a 32-bit label index; sorted
"""

from __future__ import annotations

from overt.core.model import Finding


class HashSets:
    """All loaded hash sets; empty by default."""

    count: int = 0

    def match(self, data: bytes) -> list[Finding]:
        """Findings for every set that knows the digest of `data`; hashes only the algorithms in use."""
        return []
