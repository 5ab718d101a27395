"""What is planted in one run: pure, and the same bytes and names for the same arm and seed.

* Mixed: both halves of every pair. Marked, plain: one half of each, so that the number of files is the same.
* None: no pair, marking or secret; the ordinary files are those of every arm, and so are the test files to be
  detected, alone, so that a step with a detection is one in every arm.

Whatever is planted in a home is sought, ordinary files too; only archives of the test file alone are anybody's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from overt.conduct.canary import ordinary
from overt.conduct.canary.anchors import anchored
from overt.conduct.canary.decoys import DECOYS
from overt.conduct.canary.eicar import eicar
from overt.conduct.canary.formats.archive import MTIME
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.formats.registry import DETECTED, FORMATS
from overt.conduct.canary.formats.zipped import Member, container
from overt.conduct.canary.markings import MARKINGS, Marking
from overt.conduct.canary.noise import LETTERS, Noise
from overt.conduct.canary.planned import Planned
from overt.conduct.canary.texts import FOLDERS, SENTENCES, STEM_WORDS
from overt.conduct.evidence.records import Arm, Side

SIZE_CLASSES = (4_000, 8_000, 16_000, 32_000)
"""Incompressible bytes of the halves of a pair: at least one of these, and less than twice as many. So sizes are chance
from the smallest to twice the largest, and a file is known by its own."""
SPREAD = 8
"""The halves of a pair differ in their incompressible bytes by one part in so many at most."""
MAX_PAIRS = 512
"""Of one run."""
PAIRS_PER_DETECTED = 4
"""One pair of archives with a test file to be detected for so many other pairs; at least one."""
DETECTED_FOLDER = "Downloads"
YEAR_S = 365 * 24 * 3600
STEM_RANDOM_LETTERS = 8
SIDES = {
    Arm.MIXED: (Side.MARKED, Side.PLAIN),
    Arm.MARKED: (Side.MARKED,),
    Arm.PLAIN: (Side.PLAIN,),
    Arm.NONE: (),
}


def plan(
    arm: Arm, seed: int, pairs: int = 16, secrets: bool = True, user: str = "alice"
) -> tuple[Planned, ...]:
    """All files of `user`'s home, in the random order in which they are to be written."""
    found = [*_ordinary(seed), *_test_files(seed, arm, pairs), *_pairs(seed, arm, pairs)]
    if secrets and arm is not Arm.NONE:
        found += _secrets(seed)
    random.Random(f"{seed}/order").shuffle(found)
    numbers = iter(range(1, len(found) + 1))
    return anchored([_placed(item, user, numbers) for item in found])


def _placed(item: Planned, user: str, numbers: Iterator[int]) -> Planned:
    number = None if item.number is None else next(numbers)
    return replace(item, path=f"{user}/{item.path}", number=number)


def detected_pairs(pairs: int) -> int:
    """How many pairs of archives with a test file there are beside `pairs` others."""
    return max(1, pairs // PAIRS_PER_DETECTED) if pairs else 0


def _pairs(seed: int, arm: Arm, pairs: int) -> Iterator[Planned]:
    draw = random.Random(f"{seed}/pairs")
    total = pairs + detected_pairs(pairs)
    markings, formats = _spread(draw, total), _formats(draw, pairs)
    for pair in range(1, total + 1):
        detected = pair > pairs
        form = DETECTED[(pair - pairs - 1) % len(DETECTED)] if detected else formats[pair - 1]
        least = SIZE_CLASSES[draw.randrange(len(SIZE_CLASSES))]
        size = least + draw.randrange(least)
        folder = DETECTED_FOLDER if detected else draw.choice(FOLDERS)
        mtime = MTIME - draw.randrange(YEAR_S)
        for side in SIDES[arm]:
            noise = Noise(f"{seed}/pair/{pair}/{side}")
            half = _half(noise, side, markings[pair - 1], form, size)
            path = f"{folder}/{_stem(noise)}{form.extension}"
            yield replace(half, path=path, pair=pair, mtime=mtime, detected=detected)


def _half(noise: Noise, side: Side, marking: Marking, form: Format, size: int) -> Planned:
    words = marking.words if side is Side.MARKED else marking.neutral
    token, size = noise.token(), size - noise.below(size // SPREAD)
    data = form.build(Content(token, words, marking.language, SENTENCES[marking.language], size), noise)
    return Planned(
        path="",
        data=data,
        number=0,
        token=token,
        side=side,
        format=form.name,
        language=marking.language,
        system=marking.system,
        marking=words,
        pieces=tuple(noise.pieces),
    )


def _spread(draw: random.Random, count: int) -> list[Marking]:
    """Markings in random order, every system before any comes twice."""
    by_system: dict[str, list[Marking]] = {}
    for marking in draw.sample(MARKINGS, len(MARKINGS)):
        by_system.setdefault(marking.system, []).append(marking)
    return [
        (of := by_system[systems[at % len(systems)]])[at // len(systems) % len(of)]
        for systems in [draw.sample(sorted(by_system), len(by_system))]
        for at in range(count)
    ]


def _formats(draw: random.Random, count: int) -> list[Format]:
    """Every format before any comes twice; which ones come first is chance."""
    found: list[Format] = []
    while len(found) < count:
        found += draw.sample(FORMATS, len(FORMATS))
    return found[:count]


def _stem(noise: Noise) -> str:
    """A name that nothing else has: words for people, letters for the finder."""
    words = (noise.word(STEM_WORDS), noise.word(STEM_WORDS))
    return "-".join((*words, noise.letters(STEM_RANDOM_LETTERS, LETTERS)))


def _secrets(seed: int) -> Iterator[Planned]:
    for number, decoy in enumerate(DECOYS):
        noise = Noise(f"{seed}/secret/{number}")
        token = noise.token()
        profile = Noise(f"{seed}/profile/{decoy.path.split('{')[0]}").letters(8)
        yield Planned(
            path=decoy.path.format(profile=profile),
            data=decoy.build(token, noise),
            number=0,
            token=token,
            format=decoy.format,
            pieces=tuple(noise.pieces),
            secret=decoy.secret,
            mode=decoy.mode,
            mtime=MTIME,
        )


def _test_files(seed: int, arm: Arm, pairs: int) -> Iterator[Planned]:
    """The bare EICAR file in every arm; where there are no pairs, archives of it alone in their place."""
    bare = f"{DETECTED_FOLDER}/{_stem(Noise(f'{seed}/detected'))}.com"
    yield Planned(path=bare, data=eicar(), number=0, format="eicar", detected=True, mtime=MTIME)
    if arm is Arm.NONE:
        for number in range(detected_pairs(pairs)):
            path = f"{DETECTED_FOLDER}/{_stem(Noise(f'{seed}/archive/{number}'))}.zip"
            packed = container([Member("sample.com", eicar(), stored=True)])
            yield Planned(path=path, data=packed, format="zip", detected=True, mtime=MTIME)


def _ordinary(seed: int) -> Iterator[Planned]:
    """What fills a home, the same in every arm: neither marked nor half of a pair."""
    for path, form, build in ordinary.FILES:
        noise = Noise(f"{seed}/ordinary/{path}")
        token = noise.token()
        named = path.format(own=noise.letters(STEM_RANDOM_LETTERS, LETTERS))
        data = build(token, noise)
        yield Planned(
            named, data, number=0, token=token, format=form, pieces=tuple(noise.pieces), mtime=MTIME
        )
