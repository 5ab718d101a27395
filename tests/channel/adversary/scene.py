"""What every attack starts from: a client that has releases 0 and 1 of an honest channel; what an attack is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from overt.channel import layout
from tests.channel.adversary.forge import PUBLISHER, Channel, Hold, Tree

RULES = (("one",), ("one", "two"), ("one", "two", "three"))
"""Of the honest releases 0, 1 and 2."""
HOUR_S, DAY_S = 3600, 24 * 3600


@dataclass(frozen=True)
class Scene:
    """The honest channel after release 1, and the trees that were served with each release."""

    channel: Channel
    trees: tuple[Tree, ...]

    def fresh(self) -> Scene:
        """The same in a world of its own: an attack changes witnesses."""
        return Scene(replace(self.channel.fork(), witnesses=self.channel.witnesses.fork()), self.trees)

    def later(self, hold: Hold = PUBLISHER) -> Channel:
        """The honest channel with release 2."""
        made = self.channel.fork()
        made.publish(*RULES[2], hold=hold)
        return made


def begin() -> Scene:
    """Releases 0 and 1."""
    channel = Channel().found()
    trees = []
    for names in RULES[:2]:
        channel.publish(*names)
        trees.append(dict(channel.tree))
    return Scene(channel, tuple(trees))


@dataclass(frozen=True)
class Attack:
    """One attack on a client that has release 1: what is done with which keys, and what comes of it."""

    name: str
    does: str
    hold: Hold
    play: Callable[[Scene], Tree]
    """Makes the tree that is served."""
    by: str
    """What refuses it, or makes it harmless; for one that is accepted: how it comes to light."""
    words: str = ""
    """Regular expression in the client's reason; empty: it is not refused."""
    error: type[Exception] | None = None
    """What the check raises."""
    family: str = "refused"
    clock_s: float = 0
    """By how much the client's clock is wrong."""
    installs: tuple[str, ...] = ()
    """Rules in use afterwards, when it is not refused."""
    shown: Callable[[Scene, Tree], None] | None = None
    """For what can't be refused: asserts that a monitor sees it, from the witnesses and the victim's tree."""

    @property
    def key(self) -> str:
        """For test names."""
        return self.name.lower().replace(" ", "-").replace(",", "")


def with_metadata(of: Channel, proof_of: Channel) -> Tree:
    """One channel's metadata and bundles beside another's log and proof."""
    logged = {path: data for path, data in proof_of.tree.items() if path.startswith(layout.LOG)}
    return proof_of.tree | of.tree | logged | {layout.PROOF: proof_of.tree[layout.PROOF]}


def nothing_more(scene: Scene) -> Tree:
    """The tree as the client saw it last."""
    return scene.trees[-1]
