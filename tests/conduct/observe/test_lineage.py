"""Whose child is whose, by numbers that two namespaces count apart."""

from __future__ import annotations

from overt.conduct.observe.lineage import Anchor, Lineage
from overt.conduct.observe.trace import Called

EXEC = '"/bin/sh", ["sh"], 0x7ffe /* 3 vars */'


def test_a_fork_after_the_lab_made_processes_and_nobody_was_met_since() -> None:
    """The shell was met when the difference was 15; then the lab made two processes, and the shell two."""
    lines = [
        Called(10, 1.0, "execve", EXEC, "0"),
        Called(10, 1.1, "clone", "child_stack=NULL, flags=SIGCHLD", "5"),
        Called(20, 1.2, "execve", EXEC, "0"),
        Called(20, 3.0, "clone", "child_stack=NULL, flags=SIGCHLD", "6"),
        Called(23, 3.1, "kill", "5, 0", "0"),
        Called(20, 3.2, "clone", "child_stack=NULL, flags=SIGCHLD", "7"),
        Called(24, 3.3, "kill", "5, 0", "0"),
    ]
    lineage = Lineage(lines, [Anchor(2.0, 15)], has_lab=True)
    for thread, at in ((23, 3.15), (24, 3.35)):
        image = lineage.image(thread, at)
        assert image is not None and image.before is not None
        assert (image.program, image.before.life.thread) == ("/bin/sh", 20)
