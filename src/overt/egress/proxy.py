"""Which proxy a job goes through: the setting, or the environment as curl(1) reads it ("ENVIRONMENT")."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from overt.core.errors import UsageError
from overt.egress.address import BaseUrl

PORTS = {"http": 1080, "https": 443}
"""curl's default ports of proxies."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; the credentials are sent to it and recorded nowhere."""

    scheme: str
    host: str
    port: int
    credentials: str = field(default="", repr=False)
    """`user:password`, or empty."""

    @property
    def url(self) -> str:
        """Without credentials: for the ledger and for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def choose(setting: str | None, target: BaseUrl, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for `target`: `setting` if given (empty: none), else by the environment. Raises `UsageError`."""
    if setting is not None:
        return parse(setting, "the proxy setting") if setting else None
    # HTTP_PROXY in capitals is not read: a web server hands a request's "Proxy:" header to its programs as that.
    names = ("http_proxy",) if target.scheme == "http" else ("https_proxy", "HTTPS_PROXY")
    for name in (*names, "all_proxy", "ALL_PROXY"):
        if value := environ.get(name):
            exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
            return None if is_exempt(target.host, exempt) else parse(value, name)
    return None


def parse(text: str, source: str) -> Proxy:
    """A proxy's URL, or `host:port`. Raises `UsageError` that names `source`, without showing a password."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{source} is not a proxy's URL: {error}") from error
    if parts.scheme not in PORTS:
        raise UsageError(
            f"{source} names a {parts.scheme}:// proxy: only http:// and https:// proxies are supported"
        )
    host = (parts.hostname or "").lower()
    if not host or not re.fullmatch(r"[a-z0-9._:-]+", host, re.ASCII) or port == 0:
        raise UsageError(f"{source} is not a proxy's URL: write http://HOST:PORT")
    credentials = unquote(f"{parts.username}:{parts.password or ''}") if parts.username else ""
    return Proxy(parts.scheme, host, port or PORTS[parts.scheme], credentials)


def is_exempt(host: str, exempt: str) -> bool:
    """Whether the list of `NO_PROXY` names `host`: `*`, names with all below them, addresses, address/prefix."""
    host = host.rstrip(".").lower()
    address = _address(host)
    for entry in re.split(r"[,\s]+", exempt.lower()):
        name = entry.strip(".").strip("[]")
        if entry == "*":
            return True
        if address is not None and name and _covers(name, address):
            return True
        if address is None and name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _covers(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
