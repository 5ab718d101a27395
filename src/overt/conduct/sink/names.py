"""One address for each name: so that a connection shows which name its program had asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address


@dataclass(slots=True)
class Names:
    """Names in the order in which they were asked for. The last address is shared by those that none is left for."""

    network: IPv4Network
    network6: IPv6Network
    shared: int = 0
    """How many names had to share the last address."""
    _numbers: dict[str, int] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def addresses(self, name: str) -> tuple[str, str]:
        """The IPv4 and the IPv6 address of `name`, which is compared as DNS does: without regard to case."""
        number = self._number(name.rstrip(".").lower())
        return str(self.network[number]), str(self.network6[number])

    def name(self, address: str) -> str:
        """What `address` was given to, or learned to be; empty if that is not known."""
        return self._names.get(address, "")

    def learn(self, address: str, name: str) -> None:
        """Note what a true name server said."""
        if len(self._names) < 2 * self.network.num_addresses:
            self._names[str(ip_address(address))] = name.rstrip(".").lower()

    def _number(self, name: str) -> int:
        if (known := self._numbers.get(name)) is not None:
            return known
        number = len(self._numbers) + 1
        if number >= self.network.num_addresses - 1:
            self.shared += 1
            return self.network.num_addresses - 1
        self._numbers[name] = number
        for address in (self.network[number], self.network6[number]):
            self._names[str(address)] = name
        return number
