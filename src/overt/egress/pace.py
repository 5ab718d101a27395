"""Whether an answer comes fast enough: pure arithmetic over a clock that is handed in."""

from __future__ import annotations

from dataclasses import dataclass

from overt.egress.limits import CourierLimits


@dataclass(slots=True)
class Pace:
    """The deadlines and the lowest rate of one request. Times are seconds of one monotonic clock."""

    limits: CourierLimits
    asked_at: float
    """When the request was passed on."""
    ends_at: float
    """When the courier's life is over."""
    _window_from: float = -1.0
    _window_bytes: int = 0

    def answered(self, now: float) -> None:
        """The headers are here: the body's rate counts from now."""
        self._window_from, self._window_bytes = now, 0

    def arrived(self, count: int) -> None:
        """`count` bytes of the body came."""
        self._window_bytes += count

    def fault(self, now: float) -> str:
        """Why this is too slow, in words, or the empty string. A window that was fast enough is followed by another."""
        limits = self.limits
        if now >= self.ends_at:
            return f"the courier's time was up ({limits.total_deadline_s:g} s in all)"
        if now >= self.asked_at + limits.request_deadline_s:
            return f"not complete after {limits.request_deadline_s:g} s"
        if self._window_from < 0:
            late = now >= self.asked_at + limits.answer_deadline_s
            return f"no answer after {limits.answer_deadline_s:g} s" if late else ""
        if now < self._window_from + limits.rate_window_s:
            return ""
        if self._window_bytes < limits.min_rate_bytes_per_s * (now - self._window_from):
            return (
                f"{self._window_bytes} bytes in {now - self._window_from:.0f} s, less than "
                f"{limits.min_rate_bytes_per_s} bytes per second"
            )
        self.answered(now)
        return ""

    def next_look(self, now: float) -> float:
        """Seconds from `now` until `fault` may give another answer although nothing arrives; at least 0."""
        limits = self.limits
        look = min(self.ends_at, self.asked_at + limits.request_deadline_s)
        waiting = self._window_from < 0
        look = min(
            look,
            self.asked_at + limits.answer_deadline_s if waiting else self._window_from + limits.rate_window_s,
        )
        return max(0.0, look - now)
