"""Every limit of the courier: named, with its unit, bounded, and who keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from overt.core.bounded import MIB, Bounded

MAX_PACKET_BYTES = 96 * 1024
"""Of one message between parent and courier; the kernel's default socket buffer holds two."""
PIECE_BYTES = 64 * 1024
"""Of a body in one message."""
MAX_PATH_BYTES = 1024
MAX_ETAG_BYTES = 256
MAX_SENT_BYTES = 64 * 1024
"""Body of one `post`."""

BOUNDS: dict[str, tuple[float, float]] = {
    "connect_timeout_s": (0.1, 300),
    "answer_deadline_s": (0.1, 3600),
    "request_deadline_s": (0.1, 86_400),
    "total_deadline_s": (0.1, 86_400),
    "min_rate_bytes_per_s": (0, 100 * MIB),
    "rate_window_s": (0.1, 3600),
    "max_head_bytes": (1024, MIB),
    "start_deadline_s": (0.1, 300),
    "extra_memory_bytes": (64 * MIB, 4096 * MIB),
    "max_cpu_s": (1, 86_400),
    "max_descriptors": (16, 1024),
}
"""Lowest and highest accepted value per limit, in the limit's own unit."""


@dataclass(frozen=True, slots=True)
class CourierLimits(Bounded):
    """What a courier may take. Marked *parent*: kept by the parent, which kills the courier; *kernel*: by the kernel;
    *courier*: kept by the courier for a better message, and by one of the others besides."""

    connect_timeout_s: float = 15.0
    """Seconds to connect to one address (courier; see `answer_deadline_s`)."""
    answer_deadline_s: float = 60.0
    """Seconds from the request to the end of the answer's headers: resolving, connecting, TLS, waiting (parent)."""
    request_deadline_s: float = 300.0
    """Seconds from the request to the last byte (parent)."""
    total_deadline_s: float = 900.0
    """Seconds of a courier's life (parent; and an alarm of the kernel's)."""
    min_rate_bytes_per_s: int = 512
    """Lowest mean rate of a body in any window of `rate_window_s` (parent)."""
    rate_window_s: float = 20.0
    """Seconds over which the rate is measured (parent)."""
    max_head_bytes: int = 32 * 1024
    """Of an answer before its body, interim answers and a proxy's included (courier)."""
    start_deadline_s: float = 15.0
    """Seconds until a courier is confined and ready (parent)."""
    extra_memory_bytes: int = 256 * MIB
    """Address space that a courier may map beyond what it starts with (kernel: RLIMIT_AS)."""
    max_cpu_s: int = 120
    """Processor seconds of a courier's life (kernel: RLIMIT_CPU)."""
    max_descriptors: int = 32
    """Open descriptors of a courier (kernel: RLIMIT_NOFILE)."""

    bounds = BOUNDS
