"""The EICAR test file: harmless, and detected by every anti-malware product. Only ever put together at run time."""

from __future__ import annotations

_PARTS = ("X5O!P%@AP[4", "\\PZX54(P^)7CC)7}", "$EICAR-STANDARD", "-ANTIVIRUS-TEST", "-FILE!$H+H*")


def eicar() -> bytes:
    """Its 68 bytes (https://www.eicar.org)."""
    return "".join(_PARTS).encode("ascii")
