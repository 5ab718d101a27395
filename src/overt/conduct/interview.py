"""A new profile by asking: which questions, and the profile that their answers make."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import tomli_w

from overt.conduct import forms, profile
from overt.conduct.chamber import plan
from overt.conduct.chamber.privileges import USUAL
from overt.core.errors import UsageError

Ask = Callable[[str, str], str]
"""Question and default → answer."""
Tell = Callable[[str], None]
"""Says what is wrong with an answer, before the question is asked again."""
Read = Callable[[str], Any]
"""An answer's words → its value. Raises `UsageError`."""

HOW = {
    "debian": ("Debian packages, by name, separated by spaces", "packages"),
    "archive": ("path of the archive", "path"),
    "wheel": ("folder with the wheel and all that it needs", "folder"),
    "folder": ("path of the folder", "path"),
    "script": ("path of the script that installs it", "path"),
    "present": ("paths of the program's files on this machine, separated by spaces", "files"),
}
LISTS = frozenset({"packages", "files"})

IDLE_MARGIN_S = 60
"""How much longer than its command an idle step may last."""

EXERCISES = (
    ("start", "command that starts its service, if it has one", True),
    ("update", "command that updates it", False),
    ("scan", "command that scans the homes ({home} stands for one)", False),
    ("scan-detection", "command that scans a folder where something will be found ({detections})", False),
)
REMOVAL = (("uninstall", "command that uninstalls it (apt-get purge --yes NAME)", False),)

OPENING = (
    {"command": ["find", "{documents}", "-type", "f", "-exec", "cat", "{}", "+"]},
    {"command": ["sh", "-c", "cat {detections}/* > /dev/null"], "expect": [0, 1]},
)
"""What a person opens in front of a product that looks at it: documents, then what it should find and may refuse."""

FOUND = "words that it prints when it found something (FOUND), if it does"
REFUSED = "words that are printed when it refuses one of these files (Operation not permitted), if it does"

DECLARED = (
    ("reads", "paths that it says it reads (patterns such as /home/**), separated by spaces"),
    ("writes", "paths that it says it writes"),
    ("executes", "programs that it says it starts, beside the commands above (/usr/bin/gpg)"),
    ("connects", "hosts that it says it talks to (name:port)"),
    ("listens", "where it says it waits for connections (tcp:3310, unix:/run/example.sock)"),
    (
        "privileges",
        "rights of root that it says it needs, such as CAP_DAC_READ_SEARCH to read everybody's files or CAP_SYS_ADMIN "
        "to be asked before a file is opened: it gets these and no others; empty for what root usually has",
    ),
    ("sends", "what of files it says it sends: content, name, digest; empty for nothing"),
)
"""Field of a scope, and how to ask for it."""


def interview(ask: Ask, tell: Tell) -> str:
    """Ask everything, again where an answer is wrong; returns the profile as TOML. Raises `UsageError` when the answers
    make no profile."""
    asking = _Asking(ask, tell)
    answers: dict[str, Any] = {
        "schema": profile.SCHEMA,
        "product": _product(asking),
        "install": _install(asking),
    }
    answers["step"] = _steps(asking)
    scope = _scope(asking)
    if beyond := [name for name in scope.get("privileges", ()) if name not in USUAL]:
        answers["chamber"] = {"capabilities": beyond}
    answers["scope"] = [scope]
    text = tomli_w.dumps(answers)
    profile.parse(text, "these answers")
    return text


@dataclass(frozen=True, slots=True)
class _Asking:
    ask: Ask
    tell: Tell

    def __call__(self, question: str, default: str, read: Read) -> Any:
        """The value of the first answer that is one. Raises what `ask` raises: where no more answers come, it ends."""
        while True:
            answer = self.ask(question, default)
            try:
                return read(answer)
            except UsageError as error:
                self.tell(str(error))


def _product(ask: _Asking) -> dict[str, Any]:
    found: dict[str, Any] = {"name": ask("name of the product", "", _given)}
    if maker := ask("who makes it", "", str):
        found["maker"] = maker
    if version := ask("command that prints its version", "", _words):
        found["version"] = version
    return found


def _install(ask: _Asking) -> dict[str, Any]:
    how = ask(f"how is it installed: {', '.join(HOW)}", "debian", _way)
    question, field = HOW[how]
    answer = ask(question, "", _given)
    found: dict[str, Any] = {"how": how, field: answer.split() if field in LISTS else answer}
    if how == "wheel":
        found["name"] = ask("the wheel's name, as pip knows it", "", _given)
    return found


def _steps(ask: _Asking) -> list[dict[str, Any]]:
    steps = list(_commands(ask, EXERCISES))
    if ask("does it look at files when others open them: yes or no", "no", _yes):
        documents, detections = ({"kind": "on-access", "user": "alice", **opening} for opening in OPENING)
        steps += [documents, detections | _finds(ask, REFUSED)]
    if seconds := ask("minutes to watch it doing nothing (0: not at all)", "1", _seconds):
        steps.append(
            {"kind": "idle", "command": ["sleep", str(seconds)], "timeout_s": seconds + IDLE_MARGIN_S}
        )
    steps += _commands(ask, REMOVAL)
    if not steps:
        raise UsageError("nothing is exercised: give at least one command")
    return steps


def _commands(ask: _Asking, questions: tuple[tuple[str, str, bool], ...]) -> Iterator[dict[str, Any]]:
    for kind, question, background in questions:
        if command := ask(question, "", _words):
            step: dict[str, Any] = {"kind": kind, "command": command}
            if background:
                step |= {"background": True, "timeout_s": 10}
            if kind in ("scan", "scan-detection"):
                step["expect"] = [0, 1]
            if kind == "scan-detection":
                step |= _finds(ask, FOUND)
            yield step


def _finds(ask: _Asking, question: str) -> dict[str, str]:
    words = ask(question, "", str)
    return {"finds": words} if words else {}


def _scope(ask: _Asking) -> dict[str, Any]:
    found: dict[str, Any] = {
        "why": ask("in one sentence: what does it say that it does with files and the network", "", str)
    }
    for field, question in DECLARED:
        if answer := ask(question, "", partial(_declared, field)):
            found[field] = answer
    return found


def _given(answer: str) -> str:
    if not answer:
        raise UsageError("this can't be left out")
    return answer


def _way(answer: str) -> str:
    if answer not in HOW:
        raise UsageError(f"{answer!r} is no way to install: answer one of {', '.join(HOW)}")
    return answer


def _yes(answer: str) -> bool:
    if answer not in ("yes", "no"):
        raise UsageError(f"{answer!r}: answer yes or no")
    return answer == "yes"


def _seconds(minutes: str) -> int:
    try:
        seconds = int(float(minutes) * 60)
    except (ValueError, OverflowError):
        raise UsageError(f"{minutes!r} is no number of minutes") from None
    if not 0 <= seconds <= profile.MAX_STEP_S - IDLE_MARGIN_S:
        most = (profile.MAX_STEP_S - IDLE_MARGIN_S) // 60
        raise UsageError(f"{minutes} minutes: it is between 0 (not at all) and {most}")
    return seconds


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{command!r}: {error}: quote it as a shell wants it") from None
    profile.filled(tuple(words), command)
    return words


def _declared(field: str, answer: str) -> list[str]:
    words = answer.replace(",", " ").split()
    forms.check_scope(field, words, "this answer")
    if field == "privileges" and (why := plan.refusal(words)):
        raise UsageError(why)
    return words
