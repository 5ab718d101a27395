"""The courier's own life: from its start through its confinement to the end of its job.

It is a process of its own from the first instruction, with an empty environment: nothing that the parent has in
memory (a ledger's key, what it read) is in this one's. The parent never imports this module.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from overt.core.errors import ConfinementError
from overt.egress import client
from overt.egress.job import Order
from overt.egress.wire import (
    CERTIFICATES,
    CONFINEMENT,
    CONTROL_FD,
    DEFECT,
    MAX_DETAIL,
    ORDER_NAME,
    Failed,
    Outfit,
    Ready,
    encode,
)
from overt.sandbox.lockdown import close_others, empty_standard_streams, kill_after
from overt.sandbox.policy import COURIER
from overt.sandbox.view import RESOLVER_FILES, Bounds, Shown, enclose

JOB, CA_FILE = f"/spool/{ORDER_NAME}", "/etc/ssl/cert.pem"
"""Where a courier finds them."""


class _Unusable(Exception):
    """The certificates are none."""


def main() -> NoReturn:
    """Lock down, read the job, carry requests; never returns."""
    status = 1
    control = socket.socket(fileno=CONTROL_FD)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
        empty_standard_streams()
        os.dup2(1, 2)
        _work(control, msgspec.msgpack.decode(control.recv(1 << 16), type=Outfit))
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
    kill_after(outfit.total_deadline_s + 1)
    client.warm_up()
    ready, places = _confine(control, outfit)
    with open(places[JOB], "rb") as stream:
        order = msgspec.json.decode(stream.read(), type=Order)
    try:
        one = client.Client(order, places.get(CA_FILE, ""))
    except OSError as error:
        raise _Unusable(error.strerror or str(error)) from error
    control.send(encode(ready))
    client.serve(control, one)


def _shown(outfit: Outfit) -> Sequence[Shown]:
    """All that a courier sees of the file system: its job, not the spool, where the bodies are."""
    certificates = (Shown(Path(outfit.ca_file), CA_FILE),) if outfit.ca_file else ()
    return (Shown(Path(outfit.spool, ORDER_NAME), JOB), *certificates, *RESOLVER_FILES)


def _confine(control: socket.socket, outfit: Outfit) -> tuple[Ready, dict[str, str]]:
    keep, shown = (0, 1, 2, control.fileno()), _shown(outfit)
    if not outfit.confined:
        close_others(keep)
        return Ready(False, "unconfined", 0, False), {item.inside: str(item.outside) for item in shown}
    bounds = Bounds(outfit.extra_memory_bytes, outfit.max_cpu_s, outfit.max_descriptors)
    held = enclose(COURIER, shown, Path(outfit.spool), keep, outfit.ports, bounds)
    kernel = held.confinement
    return Ready(held.namespace, held.without, kernel.landlock, kernel.seccomp), held.places


def _say(control: socket.socket, kind: str, detail: str) -> None:
    try:
        control.send(encode(Failed(kind, detail[:MAX_DETAIL])))
    except OSError:
        pass
