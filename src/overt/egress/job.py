"""The one job that a courier is started with, and how it lies in the spool."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from overt.core.errors import UsageError
from overt.egress.address import BaseUrl, base_url
from overt.egress.limits import CourierLimits
from overt.egress.proxy import Proxy, choose

DNS_PORT = 53
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine
)


@dataclass(frozen=True, slots=True)
class Job:
    """What the caller asks for."""

    base_url: str
    """`http://` or `https://`; every request is for a path below it."""
    spool: Path
    """A folder of this user's own; fetched bodies come to lie in it."""
    ca_file: Path | None = None
    """PEM certificates to trust instead of the system's."""
    proxy: str | None = None
    """A proxy's URL; empty: none; None: as `https_proxy`, `no_proxy` … say."""
    purpose: str = "update"
    """What it is for, in the ledger."""
    channel: str = ""
    """The rule channel it is for, in the ledger."""
    limits: CourierLimits = field(default_factory=CourierLimits)


@dataclass(frozen=True, slots=True)
class Plan:
    """A job whose every word was checked."""

    base: BaseUrl
    proxy: Proxy | None
    ca_file: Path | None
    """None where no TLS is spoken."""
    purpose: str
    channel: str

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports that the courier needs."""
        return (self.proxy.port if self.proxy else self.base.port, DNS_PORT)

    @property
    def occasion(self) -> dict[str, str]:
        """What the ledger says of every request of the job."""
        return {"purpose": self.purpose} | ({"channel": self.channel} if self.channel else {})

    @property
    def facts(self) -> dict[str, str]:
        """What the ledger says of the job."""
        proxy = {"proxy": self.proxy.url} if self.proxy else {}
        return {"origin": str(self.base)} | proxy | self.occasion


class Order(msgspec.Struct, frozen=True):
    """The job as the courier reads it from the spool."""

    scheme: str
    host: str
    port: int
    folder: str
    proxy_url: str
    proxy_credentials: str
    connect_timeout_s: float
    stall_timeout_s: float
    """Seconds without a byte after which the courier gives up; the parent's deadlines are stricter."""
    max_head_bytes: int


def plan(job: Job, environ: Mapping[str, str]) -> Plan:
    """Check a job. Raises `UsageError`."""
    base = base_url(job.base_url)
    proxy = choose(job.proxy, base, environ)
    encrypted = base.scheme == "https" or (proxy is not None and proxy.scheme == "https")
    return Plan(base, proxy, _ca_file(job.ca_file) if encrypted else None, job.purpose, job.channel)


def order(planned: Plan, limits: CourierLimits) -> Order:
    """What the courier needs to know."""
    base, proxy = planned.base, planned.proxy
    return Order(
        base.scheme,
        base.host,
        base.port,
        base.folder,
        proxy.url if proxy else "",
        proxy.credentials if proxy else "",
        limits.connect_timeout_s,
        max(limits.answer_deadline_s, limits.rate_window_s) + 1,  # the parent, who says more, is first
        limits.max_head_bytes,
    )


def _ca_file(named: Path | None) -> Path:
    if named is not None:
        if not named.is_file():
            raise UsageError(f"{named}: no such file of certificates")
        return named
    usual = ssl.get_default_verify_paths().cafile  # honours SSL_CERT_FILE
    for candidate in (usual, *CA_BUNDLES):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise UsageError("no CA certificates on this machine: install ca-certificates, or name a file of them")
