"""A virtual machine's cable: a tap device in the warden's network namespace, whose end is the sink's."""

from __future__ import annotations

import fcntl
import os
import struct
from types import TracebackType

from overt.conduct.chamber import network
from overt.core.errors import ConductError

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x4004_54CA, 0x0002, 0x1000, 0x4000


class Cable:
    """A context manager: on entering, the sink's end is there; `tap` is the descriptor that a machine gets."""

    def __init__(self) -> None:
        """Called in the warden. Raises `ConductError`."""
        self.network = network.ends(-1)
        try:
            self.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise ConductError(f"/dev/net/tun: {error.strerror}: modprobe tun") from error
        try:
            flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
            fcntl.ioctl(
                self.tap, TUNSETIFF, struct.pack("=16sH22x", self.network.sink_interface.encode(), flags)
            )
            network.furnish_sink_end(self.network)
        except OSError as error:
            os.close(self.tap)
            raise ConductError(f"the virtual machine's cable could not be made: {error}") from error

    def __enter__(self) -> Cable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.tap)
