"""A reviewer that remembers: rules that this version of Overt reviewed once are not reviewed again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from overt.channel.monitor.state import State
from overt.channel.publisher.build import TOOL, Reviewer
from overt.core import canonical
from overt.rules.compile import RuleText
from overt.rules.review import Ground, Kind, Level, RuleReview


class Remembered:
    """A `Reviewer`. Rules of one file are judged without regard to other files, so each file is remembered alone."""

    def __init__(self, state: State, review: Reviewer) -> None:
        self._state, self._review = state, review
        self.last: tuple[RuleReview, ...] = ()
        """The answer given last."""

    def __call__(self, texts: Sequence[RuleText]) -> tuple[RuleReview, ...]:
        """Review all files; raises what the reviewer raises."""
        keys = [_key(text) for text in texts]
        known = {key: self._state.review(key) for key in keys}
        unknown = [text for key, text in zip(keys, texts) if known[key] is None]
        if unknown:
            made = tuple(self._review(unknown))
            fresh = {_key(text): [one.to_json() for one in made if _of(one, text)] for text in unknown}
            self._state.remember(fresh.items())
            known |= fresh
        self.last = tuple(_parsed(one) for key in keys for one in known[key])
        return self.last


def _of(review: RuleReview, text: RuleText) -> bool:
    return (review.pack, review.source) == (text.pack, text.source)


def _key(text: RuleText) -> str:
    words = [TOOL, text.pack, text.source, text.author, text.licence, text.text]
    return hashlib.sha256(canonical.encode(words)).hexdigest()


def _parsed(told: dict[str, Any]) -> RuleReview:
    """What `RuleReview.to_json` made, as this state kept it."""
    grounds = tuple(
        Ground(Kind(one["kind"]), one["where"], one["text"], one["evidence"], one["weight"])
        for one in told["grounds"]
    )
    place = told["pack"], told["source"], told["rule"], told["line"]
    return RuleReview(*place, Level(told["level"]), told["score"], grounds)
