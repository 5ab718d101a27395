"""What a product declared, as questions put to it: may this file be read, this place be contacted?"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from overt.conduct.evidence.records import Flow, Listening, StepKind, StepRun
from overt.conduct.judge.patterns import Patterns, patterns
from overt.conduct.profile import PLACES, Present, Profile, Step, filled

DEFAULT_PORT = 443
"""Of a declared place that names none."""


class Declared:
    """A profile's scope. Paths and places are matched as docs/conduct-profiles.md says."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._patterns = lru_cache(None)(self._compiled)
        self._steps = {(step.kind, filled(step.command, "step")): step for step in profile.step}
        self._own = Patterns(_own_places(profile))

    def reads(self, kind: StepKind, path: str) -> bool:
        """Whether it says that it reads this; what it writes or runs, it may read."""
        return any(self._patterns(kind, field).match(path) for field in ("reads", "writes", "executes"))

    def writes(self, kind: StepKind, path: str) -> bool:
        """Whether it says that it changes this."""
        return self._patterns(kind, "writes").match(path)

    def writing(self, kind: StepKind, path: str) -> list[str]:
        """The patterns by which it says that it changes this."""
        return [one for one in self.profile.scope_of(kind).writes if patterns((one,)).match(path)]

    def writes_by_name(self, kind: StepKind, path: str) -> bool:
        """Whether it says that it changes this very file: that it writes all over /usr names none."""
        return path in self.profile.scope_of(kind).writes

    def executes(self, kind: StepKind, path: str) -> bool:
        """Whether it says that it runs this."""
        return self._patterns(kind, "executes").match(path)

    def owns(self, path: str) -> bool:
        """Whether the path is in the place that the product was installed to, or one of the files it consists of."""
        return self._own.match(path)

    def connects(self, kind: StepKind, flow: Flow) -> bool:
        """Whether it says that it goes there: to the address, and to every name that it gave on the way."""
        places = self.profile.scope_of(kind).connects
        reached = any(_reaches(place, flow) for place in places)
        return reached and all(self.names(kind, name) for name in names_given(flow))

    def names(self, kind: StepKind, name: str) -> bool:
        """Whether a declared place has this name, or address, whatever its port."""
        hosts = (_divided(place)[0] for place in self.profile.scope_of(kind).connects)
        return any(_is_host(host, _bare(name)) for host in hosts)

    def listens(self, kind: StepKind, found: Listening) -> bool:
        """Whether it says that it waits for others there."""
        return any(_is_socket(place, found) for place in self.profile.scope_of(kind).listens)

    def sends(self, kind: StepKind, form: str) -> bool:
        """Whether it says that `content`, a `name` or a `digest` leaves."""
        return form in self.profile.scope_of(kind).sends

    def step_of(self, step: StepRun) -> Step | None:
        """The step as the profile has it; None for one that the lab added, such as the installation."""
        return self._steps.get((step.kind, step.command))

    def privileges(self, kind: StepKind) -> frozenset[str]:
        """Capabilities that it says it needs, without `CAP_`, in lower case."""
        return frozenset(map(capability, self.profile.scope_of(kind).privileges))

    def _compiled(self, kind: StepKind, field: str) -> Patterns:
        return Patterns(getattr(self.profile.scope_of(kind), field))


def capability(name: str) -> str:
    """A capability's name in one spelling: `CAP_SYS_ADMIN` is `sys_admin`."""
    return name.lower().removeprefix("cap_")


def _own_places(profile: Profile) -> list[str]:
    own = [f"{PLACES['product']}/**"]
    if isinstance(profile.install, Present):
        own += [pattern for path in profile.install.files for pattern in (path, f"{path.rstrip('/')}/**")]
    return own


def _reaches(declared: str, flow: Flow) -> bool:
    """Whether the address is the declared place's. A name that the product only spoke of makes no address its own."""
    host, port = _divided(declared)
    if port is not None and port != flow.port:
        return False
    return (flow.resolved and _is_host(host, _bare(flow.name))) or _is_host(host, flow.address)


def names_given(flow: Flow) -> list[str]:
    """For whom its bytes were, as the product itself said on the way: server names, `Host` and `:authority`, and whom a
    proxy was to connect with. Where that is the address again, it is no name."""
    given = [flow.server_name] if flow.server_name else []
    for request in flow.requests:
        if request.method in ("SNI", "CONNECT"):
            given.append(request.target)
        elif "://" in request.target:
            given.append(request.target.partition("://")[2].partition("/")[0].partition("?")[0])
            given += [value for name, value in request.headers if name.lower() == "host"]
    names = dict.fromkeys(_bare(name) for name in given)
    return [name for name in names if name and not _is_host(name, flow.address)]


def _bare(authority: str) -> str:
    """The host of `user@host:port`, in lower case."""
    host = authority.rpartition("@")[2].strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return (host.partition(":")[0] if host.count(":") == 1 else host).rstrip(".")


def _is_host(declared: str, host: str) -> bool:
    if declared.startswith("*."):
        return host.endswith(declared[1:])
    return bool(host) and (host == declared or _same_address(declared, host))


def _divided(declared: str) -> tuple[str, int | None]:
    """Host and port; `*` is any port."""
    host, colon, port = declared.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return declared.lower().strip("[]"), DEFAULT_PORT
    return host.lower().strip("[]"), None if port == "*" else int(port) if port.isdigit() else -1


def _same_address(host: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(address)
    except ValueError:
        return False


def _is_socket(declared: str, found: Listening) -> bool:
    protocol, _, place = declared.partition(":")
    if protocol != found.protocol.rstrip("6"):
        return False
    if protocol == "unix":
        return patterns((place,)).match(found.address)
    return place in ("*", str(found.port))
