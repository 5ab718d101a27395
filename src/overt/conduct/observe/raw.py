"""What the observers write while they watch, before it is put together: numbers are each observer's own."""

from __future__ import annotations

from overt.conduct.evidence.records import Process, Record


class RawProcess(Process, frozen=True, kw_only=True):
    """A program that the file observer met."""

    inner_pid: int
    """Its number in the innermost process namespace it is in; 0 when it was gone before that was known."""
    certain: bool
    """False: files were opened for an exec, and the process ended before it was seen whether that succeeded."""


class RawSocket(Record, frozen=True, kw_only=True):
    """A socket that was open when the kernel's tables were read."""

    at_s: float
    protocol: str
    """`tcp`, `udp` (either version of IP), `unix`."""
    address: str
    port: int
    remote_address: str
    remote_port: int
    listening: bool
    inode: int
    pid: int
    """Of a process that holds it; 0 when none was found."""
