"""Blobs searched: each best first, bounded, through all decoders. Pure; runs in an expendable worker."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain

import msgspec

from overt.conduct.finder.blob import Blob, Stretch, digest, is_looked_at_apart, made, worth_a_look
from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.registry import BINARY, TEXT, TURNED
from overt.conduct.finder.extents import Extents, Places, between
from overt.conduct.finder.limits import Limits
from overt.conduct.finder.masks import Masks, masked_texts
from overt.conduct.finder.needles import CONTENT, TEST_FILE, Needle, Needles
from overt.conduct.finder.parts import Part, Parts
from overt.conduct.finder.plausible import plausible
from overt.conduct.finder.reckoning import Decoded, Left, Reading, summed
from overt.conduct.finder.rewriting import rewritten
from overt.conduct.finder.runs import is_base64, text_runs
from overt.conduct.finder.sizes import SEARCHED_BYTES, Number, Sizes
from overt.conduct.finder.small import SMALL_BYTES, Small, telling
from overt.conduct.finder.substitution import Substitutions

MAX_SMALL = 1_000
"""Small pieces of one source that wait for those of others."""


class Hit(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One canary, seen in one form by one route."""

    canary: int
    form: str
    matched: str
    route: tuple[str, ...]
    offset: int
    length: int


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What one blob holds."""

    hits: tuple[Hit, ...]
    left: Left = Left()
    """What nothing explains."""
    numbers: tuple[Number, ...] = ()
    """Sizes of canaries, and the numbers that they are told from."""
    cut: str = ""
    """The limit that ended the search, if one did."""


class Examiner:
    """The needles and limits of one run."""

    def __init__(self, needles: Needles, limits: Limits) -> None:
        self._needles, self.limits = needles, limits
        self._masks, self._substitutions = (
            Masks(needles.canaries, needles.bodies),
            Substitutions(needles.bodies),
        )
        self._places = Places(needles.bodies)
        self.sizes = Sizes(needles.canaries)

    def examine(self, data: bytes, counted: int = 0) -> Examined:
        """Search `data` and everything that is in it; of the first `counted` bytes nothing is counted as unread.

        Raises nothing that hostile bytes cause, but `MemoryError`."""
        return self.examine_all([(data, counted)])[0]

    def examine_all(self, parts: Sequence[tuple[bytes, int]]) -> list[Examined]:
        """As `examine`, for each of many."""
        searches = [self._search(data, counted) for data, counted in parts]
        self._run(searches)
        return [search.examined() for search in searches]

    def examine_joined(self, parts: Sequence[Part]) -> Examined:
        """As `examine`, for what parts hold together: of what one that was examined alone holds only needles are noted.
        No numbers are told, for where parts meet they run into each other; and what is unread only if there are
        canaries in it."""
        search = self._search(b"".join(part.data for part in parts), 0, Parts(parts))
        self._run([search])
        return search.examined_joined()

    def _search(self, data: bytes, counted: int, parts: Parts | None = None) -> _Search:
        return _Search(self._needles, self._places, self.sizes, self.limits, data, counted, parts)

    def _run(self, searches: Sequence[_Search]) -> None:
        while busy := [search for search in searches if search.step()]:
            self._unmask([(search, stretch) for search in busy for stretch in search.may_be_masked()])
            small = [(search, one) for search in busy for one in search.small()]
            told = telling([one for _, one in small], self._needles, self.limits.max_piece_bytes)
            for (search, one), tells in zip(small, told, strict=True):
                search.admit_small(one, tells)

    def _unmask(self, waiting: Sequence[tuple[_Search, Stretch]]) -> None:
        """Look below masks: in all at once for known text, so that each of many tables is read once for all; and then
        where there may be some."""
        looked_at = [stretch.looked_at for _, stretch in waiting]
        joined, ends = b"".join(looked_at), [*accumulate(map(len, looked_at))]
        masked, substituted = (
            {bisect_right(ends, place) for place in way.places(joined)}
            for way in (self._masks, self._substitutions)
        )
        for number, (search, stretch) in enumerate(waiting):
            data, found = stretch.data, []
            if number in masked and not stretch.written:
                found.append(self._masks.pieces(data))
            if number in substituted:
                found.append(self._substitutions.pieces(data))
            if not stretch.written:
                found += [masked_texts(data), rewritten(data)]
            search.unmasked(stretch, chain.from_iterable(found))


class _Search:
    """The running state of one examination."""

    def __init__(
        self,
        needles: Needles,
        places: Places,
        sizes: Sizes,
        limits: Limits,
        data: bytes,
        counted: int,
        parts: Parts | None,
    ) -> None:
        self._parts = parts
        self._needles, self._places, self._sizes, self._limits = needles, places, sizes, limits
        self._root, self._counted = Reading(data), counted
        self._hits: dict[tuple[int, str, tuple[str, ...]], Hit] = {}
        self._seen: dict[bytes, tuple[tuple[bool, bool], Reading]] = {}
        self._nothing: set[tuple[bool, bytes]] = set()
        self._queue: list[tuple[int, int, int, Blob]] = []
        self._blobs = 0
        self._bytes_left = max(limits.min_decoded_bytes, limits.max_decoded_ratio * len(data))
        self._expanded: list[Blob] = []
        self._small: list[Small] = []
        self._cut = ""
        self._may_be_masked: list[Stretch] = []
        self._admit(Blob(self._root, (), 0, Trust.SOUND, True))

    def step(self) -> bool:
        """Look into all that is as deep as the first that waits; whether anything did."""
        depth = self._queue[0][0] if self._queue else None
        while self._queue and self._queue[0][0] == depth:
            blob = heapq.heappop(self._queue)[-1]
            self._expand(blob)
            if blob.trust is not Trust.GUESS:
                self._expanded.append(blob)
        return depth is not None

    def may_be_masked(self) -> list[Stretch]:
        """What may be below masks of all that was looked into since it was last asked."""
        stretches, self._may_be_masked = self._may_be_masked, []
        return stretches

    def unmasked(self, stretch: Stretch, found: Iterable[tuple[str, Piece]]) -> None:
        """Admit what was below masks in it, each piece with its name in a route."""
        for name, piece in found:
            self._child(stretch.blob, name, piece, stretch.begin)

    def examined(self) -> Examined:
        """Sum up what was found, and what nothing explains."""
        return Examined(
            hits=tuple(self._hits.values()),
            left=summed(self._root.left(), self._counted),
            numbers=tuple(self._numbers().values()),
            cut=self._cut,
        )

    def examined_joined(self) -> Examined:
        """Sum up what was found in a concatenation."""
        left = summed(self._root.left(), self._counted) if self._hits else Left()
        return Examined(hits=tuple(self._hits.values()), left=left, cut=self._cut)

    def _numbers(self) -> dict[tuple[str, int], Number]:
        """The first sight of each by the shortest route, of all that was no guess."""
        found: dict[tuple[str, int], Number] = {}
        for blob in self._expanded:
            if blob.apart and blob.parent and len(blob.parent.data) <= SEARCHED_BYTES:
                continue  # they are its parent's
            for notation, size, at in self._sizes.seen(blob.data):
                offset = blob.at + at if blob.exact else blob.at
                number = Number(notation=notation, size=size, route=blob.route, offset=offset)
                found.setdefault((notation, size), number)
        return found

    def _admit(self, blob: Blob) -> None:
        """Look at a blob, and queue it if it may hold more; not if it was seen before or is past a limit."""
        if not blob.data or not self._room(blob):
            return
        known = self._seen.get(key := digest(blob.data))
        if known and blob.worth <= known[0]:
            self._link(blob, known[1])
            return
        self._seen[key] = blob.worth, blob.reading
        self._bytes_left -= len(blob.data) if blob.route else 0
        if self._look(blob) or blob.trust is not Trust.GUESS or plausible(blob.data):
            self._blobs += 1
            heapq.heappush(self._queue, (len(blob.route), -blob.trust.value, self._blobs, blob))
            self._link(blob, blob.reading)

    def _link(self, blob: Blob, reading: Reading) -> None:
        """Note what a stretch of its parent was decoded to."""
        if blob.parent:
            known = blob.parent.reading.apart if blob.apart else blob.parent.reading.decoded
            known.append(Decoded(*blob.span, blob.route[-1], blob.part, reading))

    def _room(self, blob: Blob) -> bool:
        if len(blob.route) > self._limits.max_depth:
            self._cut = self._cut or f"encodings deeper than max_depth = {self._limits.max_depth}"
        elif self._blobs >= self._limits.max_blobs:
            self._cut = self._cut or f"more decoded pieces than max_blobs = {self._limits.max_blobs}"
        elif blob.route and len(blob.data) > self._bytes_left:
            self._cut = (
                self._cut or f"more decoded bytes than max_decoded_ratio = {self._limits.max_decoded_ratio}"
            )
        else:
            return True
        return False

    def _look(self, blob: Blob) -> bool:
        """Note every needle in it."""
        extents: dict[tuple[int, str, tuple[str, ...]], tuple[Extents, Needle, int]] = {}
        for start, sought, needles in self._needles.matches(blob.data):
            for needle in needles:
                key = (needle.canary, needle.form, needle.route)
                if key not in extents:
                    extents[key] = (Extents(), needle, start)
                if needle.form == CONTENT and not needle.route:
                    extents[key][0].add(self._places, needle.canary, sought, blob.data, start)
                else:
                    extents[key][0].add_spelled(start, len(sought))
        self._look_folded(blob, extents)
        for extent, needle, start in sorted(
            extents.values(), key=lambda found: found[1].matched == TEST_FILE
        ):
            if needle.matched == TEST_FILE and any(low <= start < high for low, high in blob.explained):
                continue  # it is part of an archive that was found
            self._note(blob, needle, start, extent.length())
            if needle.form == CONTENT:
                blob.explain(extent.in_blob())
        return bool(extents)

    def _look_folded(
        self, blob: Blob, extents: dict[tuple[int, str, tuple[str, ...]], tuple[Extents, Needle, int]]
    ) -> None:
        """Tokens in letters of mixed case."""
        for start, word, needles in self._needles.folded(blob.data):
            for needle in needles:
                key = (needle.canary, needle.form, needle.route)
                extents.setdefault(key, (Extents(), needle, start))[0].add_spelled(start, len(word))

    def _note(self, blob: Blob, needle: Needle, start: int, length: int) -> None:
        route = (*blob.route, *needle.route)
        offset = blob.at + start if blob.exact else blob.at
        key = (needle.canary, needle.form, route)
        known = self._hits.get(key)
        if known is None and len(self._hits) >= self._limits.max_sightings:
            self._cut = self._cut or f"more sightings than max_sightings = {self._limits.max_sightings}"
            return
        if known is None or (known.length, -known.offset) < (length, -offset):
            self._hits[key] = Hit(
                canary=needle.canary,
                form=needle.form,
                matched=needle.matched,
                route=route,
                offset=offset,
                length=length,
            )

    def _expand(self, blob: Blob) -> None:
        """Admit everything that is in it, unless canaries explain all of it, or it is one byte again and again."""
        if not worth_a_look(blob.data, blob.explained):
            return
        apart = []
        for decoder in BINARY:
            for piece in decoder.decode(blob.data, self._limits.max_piece_bytes):
                self._child(blob, decoder.name, piece, 0)
                if piece.trust is Trust.SOUND:
                    blob.checked.append((piece.start, piece.end))
                if is_looked_at_apart(blob, piece):
                    apart.append((piece.start, piece.end))
        for low, high in worth_a_look(blob.data, [*blob.explained, *apart]):
            self._expand_part(blob, low, blob.data[low:high] if high - low < len(blob.data) else blob.data)

    def _expand_part(self, blob: Blob, low: int, data: bytes) -> None:
        """Admit what is masked, or written in letters, in the part of a blob that begins at `low`."""
        runs = list(text_runs(data))
        if blob.trust is not Trust.GUESS:
            written = [(begin, end) for begin, end in runs if is_base64(data[begin:end])]
            checked = [(begin - low, end - low) for begin, end in blob.checked]
            masked = between(written + checked, len(data))
            for is_written, stretches in ((False, masked), (True, written)):
                self._may_be_masked += (
                    self._stretch(blob, low + begin, low + end, is_written) for begin, end in stretches
                )
        for begin, end in runs:
            self._read(blob, data[begin:end], low + begin)

    def _stretch(self, blob: Blob, begin: int, end: int, written: bool) -> Stretch:
        near = self._parts.news(begin, end) if self._parts and not blob.route else None
        return Stretch(blob, begin, end, written, near)

    def _read(self, blob: Blob, text: bytes, low: int) -> None:
        """Admit what is written in one run of text."""
        turned = any(name in TURNED for name in blob.route)
        for decoder in TEXT:
            if not (turned and decoder.name in TURNED):
                for piece in decoder.decode(text, self._limits.max_piece_bytes):
                    self._child(blob, decoder.name, piece, low)

    def _child(self, blob: Blob, name: str, piece: Piece, low: int) -> None:
        """Admit a piece of what begins at `low` of a blob; if it is small, with others."""
        if self._parts and not blob.route and self._parts.one_holds(low + piece.start, low + piece.end):
            return
        if len(piece.data) > SMALL_BYTES:
            self._admit(made(blob, name, piece, low))
            return
        small = Small(blob, name, piece, low)
        if small.sure or small.key not in self._nothing:
            self._small.append(small)
            if len(self._small) >= MAX_SMALL:
                self._admit_all_small()

    def _admit_all_small(self) -> None:
        """Do not wait for those of others: they would be too many."""
        small = self.small()
        told = telling(small, self._needles, self._limits.max_piece_bytes)
        for one, tells in zip(small, told, strict=True):
            self.admit_small(one, tells)

    def small(self) -> list[Small]:
        """Small pieces that wait to be looked at, with those of others."""
        small, self._small = self._small, []
        return small

    def admit_small(self, small: Small, tells: bool) -> None:
        """Admit a small piece, if it is one that tells anything."""
        if tells:
            self._admit(made(*small))
        else:
            self._nothing.add(small.key)
