"""The alarm command: one JSON document on its standard input for each alarm, until it takes it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from overt.channel.monitor.alarm import MEANING, SCHEMA
from overt.channel.monitor.moment import moment
from overt.channel.monitor.record import AlarmRow
from overt.channel.monitor.state import State

DEADLINE_S = 60.0
"""Seconds that the command may take for one alarm."""
AT_ONCE = 50
"""Alarms told in one round."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An alarm that the command did not take, and why; it gets it again in the next round."""

    alarm: AlarmRow
    why: str


def deliver(state: State, tell: Callable[[bytes], str], now_s: int) -> list[Undelivered]:
    """Hand every alarm that the command has not taken to `tell`, which says why it did not take it, empty if it did."""
    failed = []
    for alarm in state.alarms(AT_ONCE, untold=True):
        why = tell(json.dumps(described(state, alarm), ensure_ascii=False).encode())
        if why:
            failed.append(Undelivered(alarm, why))
        else:
            state.told(alarm.id, now_s)
    return failed


def described(state: State, alarm: AlarmRow) -> dict[str, Any]:
    """The alarm as JSON: schema `overt-alarm/1`."""
    return {
        "schema": SCHEMA,
        "id": alarm.id,
        "channel": state.fact("channel"),
        "origin": state.fact("origin"),
        "kind": alarm.kind.value,
        "text": alarm.text,
        "advice": MEANING[alarm.kind],
        "serial": alarm.serial,
        "time": moment(alarm.time_s),
        "ended": moment(alarm.ended_s) if alarm.ended_s else None,
        "evidence": {
            name: base64.b64encode(data).decode() for name, data in state.evidence(alarm.id).items()
        },
    }


def run(command: Sequence[str], told: bytes) -> str:
    """Run `command` (not through a shell) with an alarm on its standard input; exit code 0 means that it took it.
    Why it did not; empty when it did."""
    try:
        done = subprocess.run(command, input=told, timeout=DEADLINE_S, stdout=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return f"it took longer than {DEADLINE_S:g} s"
    except OSError as error:
        return error.strerror or str(error)
    return f"exit code {done.returncode}" if done.returncode else ""
