"""Where a job leads: base URLs, paths below them and ETags, accepted only in the form in which they are sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from overt.core.errors import UsageError
from overt.egress.limits import MAX_ETAG_BYTES, MAX_PATH_BYTES

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_IPV6 = re.compile(r"[0-9a-f:.]+", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$'()*,;=:@+-]+", re.ASCII)
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"', re.ASCII)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The origin and folder that all paths of a job are below."""

    scheme: str
    """`http` or `https`. Plain HTTP is allowed: what is fetched is signed. It hides nothing, and is not trusted."""
    host: str
    """A name in its ASCII form, an IPv4 address, or an IPv6 address without brackets; lower-case."""
    port: int
    folder: str
    """Absolute path with a slash at its end."""

    @property
    def authority(self) -> str:
        """Host, and the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS[self.scheme] == self.port else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.folder}"


def base_url(text: str) -> BaseUrl:
    """Parse a base URL (RFC 3986). Raises `UsageError`, which says what is wrong with it, for anything else."""

    def refuse(why: str) -> UsageError:
        return UsageError(f"the URL {text!r} cannot be used: {why}")

    if not text.isprintable() or " " in text:  # urlsplit drops some of them
        raise refuse("it holds blanks or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise refuse(str(error)) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise refuse("write http://HOST/ or https://HOST/")
    if parts.username is not None or parts.password is not None:
        raise refuse("it holds a user name or password, which would be recorded: leave them out")
    if "?" in text or "#" in text:
        raise refuse("it has a query or a fragment: name a folder")
    host = (parts.hostname or "").lower()
    if not (_IPV6.fullmatch(host) if ":" in host else _HOST.fullmatch(host)):
        raise refuse("the host must be an address or a name in ASCII (xn--… for others)")
    if port == 0:
        raise refuse("there is no port 0")
    folder = parts.path if parts.path.endswith("/") else parts.path + "/"
    if folder != "/":
        relative_path(folder.strip("/"))
    if not folder.startswith("/") or "//" in folder:
        raise refuse("its path has an empty part")
    return BaseUrl(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], folder)


def relative_path(text: str) -> str:
    """`text` if it is a plain path below a base URL: no empty, `.` or `..` part, no query, nothing to be escaped.
    Raises `UsageError`."""
    parts = text.split("/")
    plain = all(_SEGMENT.fullmatch(part) and part not in (".", "..") for part in parts)
    if not plain or len(text) > MAX_PATH_BYTES:
        raise UsageError(f"{text[:200]!r} is not a plain path below a URL (at most {MAX_PATH_BYTES} bytes)")
    return text


def is_etag(text: str) -> bool:
    """Whether `text` is an entity tag (RFC 9110, section 8.8.3) short enough to be kept."""
    return len(text) <= MAX_ETAG_BYTES and _ETAG.fullmatch(text) is not None
