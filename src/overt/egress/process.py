"""The courier's own life: from the fork through its confinement to the end of its job. It never returns."""

from __future__ import annotations

import math
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec

from overt.core.errors import ConfinementError
from overt.egress.job import Order
from overt.egress.limits import CourierLimits
from overt.egress.wire import MAX_DETAIL, Failed, Ready, encode
from overt.sandbox.lockdown import close_others, empty_standard_streams
from overt.sandbox.policy import COURIER
from overt.sandbox.view import RESOLVER_FILES, Bounds, Enclosure, Shown, enclose

SPOOL, CA_FILE = "/spool", "/etc/ssl/cert.pem"
ORDER_NAME = "job.json"
CONFINEMENT, CERTIFICATES, DEFECT = "CONFINEMENT", "CERTIFICATES", "DEFECT"


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a courier is given."""

    spool: Path
    ca_file: Path | None
    ports: tuple[int, ...]
    limits: CourierLimits
    confined: bool

    @property
    def shown(self) -> Sequence[Shown]:
        """All that it sees of the file system."""
        certificates = (Shown(self.ca_file, CA_FILE),) if self.ca_file else ()
        return (Shown(self.spool, SPOOL), *certificates, *RESOLVER_FILES)


def be_courier(control: socket.socket, outfit: Outfit) -> NoReturn:
    """In the forked child: lock down, read the job, carry requests."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(math.ceil(outfit.limits.total_deadline_s) + 1)
        empty_standard_streams()
        os.dup2(1, 2)
        _work(control, outfit)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    except ConfinementError as error:
        _say(control, CONFINEMENT, str(error))
    except _Unusable as error:
        _say(control, CERTIFICATES, str(error))
    except BaseException as error:
        _say(control, DEFECT, f"{type(error).__name__}: {error}")
    finally:
        os._exit(status)


def _work(control: socket.socket, outfit: Outfit) -> None:
    # Here and not above: the parent, which may see files, never loads a network client.
    from overt.egress.client import Client, serve, warm_up

    warm_up()
    ready, places = _confine(control, outfit)
    with open(os.path.join(places[SPOOL], ORDER_NAME), "rb") as stream:
        order = msgspec.json.decode(stream.read(), type=Order)
    try:
        client = Client(order, places.get(CA_FILE, ""))
    except OSError as error:
        raise _Unusable(error.strerror or str(error)) from error
    control.send(encode(ready))
    serve(control, client)


class _Unusable(Exception):
    """The certificates are none."""


def _confine(control: socket.socket, outfit: Outfit) -> tuple[Ready, dict[str, str]]:
    keep = (0, 1, 2, control.fileno())
    if not outfit.confined:
        close_others(keep)
        return Ready(False, "unconfined", 0, False), {item.inside: str(item.outside) for item in outfit.shown}
    limits = outfit.limits
    bounds = Bounds(limits.extra_memory_bytes, limits.max_cpu_s, limits.max_descriptors)
    enclosure: Enclosure = enclose(COURIER, outfit.shown, outfit.spool, keep, outfit.ports, bounds)
    held = enclosure.confinement
    return Ready(enclosure.namespace, enclosure.without, held.landlock, held.seccomp), enclosure.places


def _say(control: socket.socket, kind: str, detail: str) -> None:
    try:
        control.send(encode(Failed(kind, detail[:MAX_DETAIL])))
    except OSError:
        pass
