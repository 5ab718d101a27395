"""What may go wrong with one request, in two families: the network failed, or the peer is at fault."""

from __future__ import annotations

from enum import Enum

from overt.core.errors import EgressError, NetworkFailed, PeerAtFault


class ResolveFailed(NetworkFailed):
    """The name of the server or of the proxy has no address."""


class ConnectFailed(NetworkFailed):
    """No connection: refused, unreachable, or no answer in time."""


class ProxyFailed(NetworkFailed):
    """The proxy cannot be reached or refuses."""


class TlsFailed(NetworkFailed):
    """The connection could not be encrypted (not: a certificate was refused)."""


class Broken(NetworkFailed):
    """The connection ended before the answer did."""


class TooSlow(NetworkFailed):
    """A deadline passed, or less than the lowest rate arrived."""


class BadStatus(NetworkFailed):
    """The server answered, but not with what was asked for."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status code."""


class Redirected(BadStatus):
    """The server points elsewhere; the courier follows nobody."""


class CourierLost(NetworkFailed):
    """The courier died or was stopped before: start another."""


class CertificateRefused(PeerAtFault):
    """Whoever answers could not show that it is the server."""


class TooLong(PeerAtFault):
    """More bytes than asked for, announced or sent."""


class Malformed(PeerAtFault):
    """The answer breaks HTTP, or is one that was not asked for (304 without an ETag, an encoded body)."""


class CourierBroke(PeerAtFault):
    """The courier broke its protocol: it may be in the peer's hands. It was killed."""


class SpoolError(EgressError):
    """The spool cannot be used: not this user's, in use, or full."""


class Failure(Enum):
    """How a courier names what went wrong; the value is what the parent raises."""

    RESOLVE = ResolveFailed
    CONNECT = ConnectFailed
    PROXY = ProxyFailed
    TLS = TlsFailed
    BROKEN = Broken
    SLOW = TooSlow
    STATUS = BadStatus
    REDIRECT = Redirected
    CERTIFICATE = CertificateRefused
    LONG = TooLong
    MALFORMED = Malformed
