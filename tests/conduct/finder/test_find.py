"""The search of a whole run: streams, concatenations, what is opaque, and workers that die of what they read."""

from __future__ import annotations

import base64
import gzip
import os
import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.conduct.canary.plan import MAX_PAIRS
from overt.conduct.evidence.conclusions import OpaqueBytes, Sighting
from overt.conduct.evidence.records import Canary, Opened, Request
from overt.conduct.finder import search
from overt.conduct.finder.examine import Hit
from overt.conduct.finder.limits import Limits
from overt.conduct.finder.search import find
from overt.conduct.finder.sources import Kind, Source
from overt.conduct.report.verify import search_run
from overt.core.errors import ConductError
from tests.conduct.finder.known import Lab, bodies, canaries, one, post

pytestmark = pytest.mark.kernel


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def sightings(lab: Lab, **wanted: object) -> list[Sighting]:
    run = lab.written()
    find(run, bodies=bodies())
    found = list(run.read(Sighting))
    return [seen for seen in found if all(getattr(seen, name) == value for name, value in wanted.items())]


def opaque(lab: Lab) -> list[OpaqueBytes]:
    return list(lab.run.read(OpaqueBytes))


def asked(names: list[str], method: str = "TXT") -> tuple[Request, ...]:
    return tuple(Request(at_s=float(at), method=method, target=name) for at, name in enumerate(names))


def test_a_document_in_one_request(lab: Lab) -> None:
    item = one("docx")
    lab.flow(post(b"harmless"))
    lab.flow(post(gzip.compress(item.data), [500, 900]))
    (seen,) = sightings(lab, form="content")
    assert (seen.canary, seen.flow, seen.flows, seen.length) == (item.number, 2, (2,), len(item.data))
    assert seen.route == ("http", "gzip") and opaque(lab) == []


def test_pieces_to_one_destination_are_joined_in_time_order(lab: Lab) -> None:
    item = one("text")
    data = base64.b64encode(gzip.compress(item.data))
    parts = [data[at : at + 2_000] for at in range(0, len(data), 2_000)]
    for place in random.Random(1).sample(range(len(parts)), len(parts)):
        lab.flow(post(parts[place]), at_s=float(place))
    seen = max(sightings(lab, form="content"), key=lambda seen: seen.length)
    assert seen.flow is None and seen.flows == tuple(
        flow.number for flow in sorted(lab.flows, key=lambda flow: flow.at_s)
    )
    assert seen.canary == item.number and seen.length == len(item.data)
    assert opaque(lab) == []


def test_pieces_of_one_process_to_several_destinations_are_joined(lab: Lab) -> None:
    item = one("pdf")
    data = gzip.compress(item.data[:100] + item.data)
    half = 40
    lab.flow(data[:half], process=7, application="raw", name="a.example")
    lab.flow(data[half:], process=7, application="raw", name="b.example")
    assert any(seen.flows == (1, 2) for seen in sightings(lab, form="content", canary=item.number))


@pytest.mark.parametrize("numbered", ["", "{}.", "x{:03x}-7."])
@pytest.mark.parametrize("written", ["base32", "hex"])
def test_names_of_a_tunnel_are_joined(lab: Lab, numbered: str, written: str) -> None:
    item = one("text")
    data = item.data[:900]
    text = base64.b32encode(data).decode().rstrip("=").lower() if written == "base32" else data.hex()
    parts = [text[at : at + 60] for at in range(0, len(text), 60)]
    names = [f"{part}.{numbered.format(at)}t.example.org" for at, part in enumerate(parts)]
    lab.flow(bytes(40), application="dns", name="", port=53, requests=asked([*names, *names]))
    (seen,) = sightings(lab, form="content")
    assert (seen.canary, seen.length) == (item.number, len(data))


def test_a_flood_of_names_with_many_labels_hides_no_tunnel(lab: Lab) -> None:
    item, chance = one("text"), random.Random(6)
    text = item.data[:900].hex()
    names = [f"{text[at : at + 60]}.t.example.org" for at in range(0, len(text), 60)]
    labels = [".".join(str(chance.randrange(1 << 30)) for _ in range(12)) for _ in range(2_000)]
    flood = [f"{label}.{at}.x.example.org" for at, label in enumerate(labels)]
    lab.flow(bytes(40), application="dns", name="", port=53, requests=asked([*names, *flood]))
    found = sightings(lab, form="content")
    assert {seen.canary for seen in found} == {item.number} and {row.destination for row in opaque(lab)} == {
        "example.org"
    }


def test_something_large_before_them_keeps_no_pieces_apart(lab: Lab) -> None:
    item = one("text")
    data = base64.b64encode(gzip.compress(item.data))
    lab.flow(post(b"nothing of interest\n" * 4_480))
    for at in range(0, len(data), 500):
        lab.flow(post(data[at : at + 500]))
    run = lab.written()
    find(run, replace(Limits(), max_joined_bytes=90_000), bodies())
    found = [seen for seen in run.read(Sighting) if seen.form == "content"]
    assert {seen.canary for seen in found} == {item.number} and max(seen.length for seen in found) > 1_000


@pytest.mark.parametrize("kind", ["names", "requests", "bodies"])
def test_a_concatenation_past_a_limit_is_said(lab: Lab, kind: str) -> None:
    lines = tuple(
        Request(at_s=1.0, method="GET", target=f"/{at}", headers=(("X", f"{at:x}" * 20),)) for at in range(50)
    )
    requests = asked([f"{at:060x}.t.example.org" for at in range(50)]) if kind == "names" else lines
    lab.flow(post(b"x" * 2_000), requests=requests, application="dns" if kind == "names" else "http")
    run = lab.written()
    find(run, replace(Limits(), max_joined_bytes=1_500 if kind == "bodies" else 3_000), bodies())
    assert any("max_joined_bytes" in row.why for row in run.read(OpaqueBytes))


def test_a_concatenation_that_is_not_searched_to_its_end_is_said(lab: Lab) -> None:
    words = [f"{number:03} green bottles stand on the wall"[:35].encode() for number in range(40)]
    names = [f"{base64.b32encode(word).decode().lower()}.t.example.org" for word in words]
    lab.flow(b"", application="dns", requests=asked(names))
    run = lab.written()
    find(run, replace(Limits(), max_blobs=1), bodies())
    assert any(
        "max_blobs" in row.why and row.destination.endswith("example.org") for row in run.read(OpaqueBytes)
    )


def test_a_search_that_takes_too_long_ends_and_says_so(lab: Lab) -> None:
    for at in range(3):
        lab.flow(post(os.urandom(2 << 20)), name=f"h{at}.example")
    run = lab.written()
    find(run, replace(Limits(), max_search_s=0.0), bodies())
    assert {"whole search" in row.why for row in run.read(OpaqueBytes)} == {True}


@given(
    st.lists(
        st.tuples(st.frozensets(st.integers(1, 5), min_size=1), st.integers(1, 4), st.integers(1, 2)),
        max_size=25,
    )
)
def test_a_concatenation_counts_if_it_shows_more(shown: list[tuple[frozenset[int], int, int]]) -> None:
    hits = [
        (
            Source(kind=Kind.BODIES, flows=tuple(sorted(flows)), destination="x:1"),
            Hit(canary=canary, form="content", matched="anchor", route=(), offset=0, length=length),
        )
        for flows, length, canary in shown
    ]
    wanted = {
        (flows, canary, max(more for other, more, of in shown if (other, of) == (flows, canary)))
        for flows, _, canary in shown
    }
    wanted = {
        (flows, canary, length)
        for flows, canary, length in wanted
        if not any(other < flows and of == canary and more >= length for other, more, of in shown)
    }
    assert {(frozenset(seen.flows), seen.canary, seen.length) for seen in search.sightings(hits)} == wanted


def test_names_in_tls_hellos_are_joined(lab: Lab) -> None:
    item = one("text")
    text = item.data[:600].hex()
    for at in range(0, len(text), 60):
        lab.flow(
            b"", application="tls", server_name=f"{text[at : at + 60]}.spy.example.net", opened=Opened.OPAQUE
        )
    assert [seen.canary for seen in sightings(lab, form="content")] == [item.number]


def test_values_of_one_parameter_and_of_one_cookie_are_joined(lab: Lab) -> None:
    item, other = one("text"), one("source")
    query, cookie = base64.b64encode(item.data[:900]).decode(), other.data[:900].hex()
    requests = [
        Request(
            at_s=float(at),
            method="GET",
            target=f"https://up.example/a?n={at}&d={query[at * 60 : at * 60 + 60]}",
            headers=(("Host", "up.example"), ("Cookie", f"a=1; s={cookie[at * 90 : at * 90 + 90]}")),
        )
        for at in range(20)
    ]
    lab.flow(b"", requests=tuple(requests))
    found = {seen.canary: seen for seen in sightings(lab, form="content")}
    assert set(found) == {item.number, other.number}
    assert all(seen.length >= 890 for seen in found.values())


def test_a_file_across_windows_is_found_on_both_sides(lab: Lab) -> None:
    item = one("zip")
    limits = replace(Limits(), window_bytes=1 << 18, overlap_bytes=1 << 14)
    before = random.Random(2).randbytes(limits.window_bytes - 100)
    lab.flow(before + item.data + before, application="raw")
    run = lab.written()
    find(run, limits, bodies())
    (seen,) = (seen for seen in run.read(Sighting) if seen.form == "content")
    assert seen.canary == item.number and len(before) <= seen.offset < len(before) + len(item.data)
    assert sum(row.bytes for row in run.read(OpaqueBytes)) == pytest.approx(2 * len(before), abs=3_000)


def test_what_is_encrypted_is_told_by_destination(lab: Lab) -> None:
    chance = random.Random(3)
    lab.flow(chance.randbytes(9_000), application="raw", name="", address="2001:db8::7", port=4444)
    lab.flow(post(base64.b64encode(chance.randbytes(6_000))))
    lab.flow(post(b"version=1.2.3"))
    lab.flow(chance.randbytes(500), opened=Opened.OPAQUE, why_opaque="pinned", name="tls.example", port=443)
    assert sightings(lab) == []
    found = {one.destination: one for one in opaque(lab)}
    assert set(found) == {"[2001:db8::7]:4444", "up.example:80", "tls.example:443"}
    assert found["[2001:db8::7]:4444"].bytes == 9_000 and found["[2001:db8::7]:4444"].bits_per_byte > 7.9
    assert found["up.example:80"].bytes == pytest.approx(6_000, abs=3) and found["up.example:80"].flows == (
        2,
    )
    assert found["tls.example:443"].bytes == 500 and "pinned" in found["tls.example:443"].why


def test_the_same_evidence_gives_the_same_files(lab: Lab) -> None:
    for item in canaries()[:6]:
        lab.flow(post(base64.b64encode(item.data)))
        lab.flow(post(gzip.compress(item.data)))
    run = lab.written()
    find(run, bodies=bodies())
    first = [(run.path / name).read_bytes() for name in ("sightings.jsonl", "opaque.jsonl")]
    find(run, replace(Limits(), workers=1), bodies())
    assert [(run.path / name).read_bytes() for name in ("sightings.jsonl", "opaque.jsonl")] == first


def test_without_the_canaries_bytes_tokens_anchors_and_names_are_still_found(lab: Lab) -> None:
    item = one("docx")
    lab.flow(post(item.data) + item.path.encode())
    run = lab.written()
    find(run)
    assert {seen.form for seen in run.read(Sighting)} >= {"content"}


def test_a_worker_that_takes_too_long_leaves_its_bytes_unread_and_says_so(lab: Lab) -> None:
    lab.flow(random.Random(4).randbytes(6 << 20), application="raw", name="slow.example")
    lab.flow(post(one("pdf").data))
    run = lab.written()
    find(run, replace(Limits(), deadline_s=0.3), bodies())
    assert any(row.bytes == 6 << 20 and "took longer than" in row.why for row in run.read(OpaqueBytes))


def test_a_worker_that_runs_out_of_memory_costs_its_own_stream_only(lab: Lab) -> None:
    lab.flow(gzip.compress(bytes(200 << 20)), application="raw", name="bomb.example")
    lab.flow(post(one("pdf").data))
    run = lab.written()
    limits = replace(
        Limits(), max_memory_bytes=400 << 20, max_piece_bytes=600 << 20, min_decoded_bytes=1 << 31
    )
    find(run, limits, bodies())
    assert {seen.canary for seen in run.read(Sighting)} == {one("pdf").number}
    (row,) = run.read(OpaqueBytes)
    assert row.destination == "bomb.example:80" and row.why.startswith("not searched: the worker")


@pytest.mark.parametrize(
    "given",
    [
        {"path": ""},
        {"path": "x"},
        {"path": "/home/a/.x"},
        {"token": "e"},
        {"anchors": ("zz",)},
        {"anchors": ("20",)},
        {"sha256": ""},
    ],
)
def test_canaries_that_no_lab_planted_are_refused(lab: Lab, given: dict[str, object]) -> None:
    """A report may come from anybody: an empty needle, or one that is everywhere, would hold whoever checks it."""
    lab.flow(post(b"x" * 100))
    lab.run.write(Canary, [msgspec.structs.replace(one("text").record(), **given)])
    with pytest.raises(ConductError, match="changed"):
        search_run(lab.written(), lab.run)


def test_more_pairs_than_a_lab_plants_are_not_made_again(lab: Lab) -> None:
    known = one("text").record()
    lab.run.write(Canary, [msgspec.structs.replace(known, number=at, pair=at) for at in range(MAX_PAIRS + 1)])
    with pytest.raises(ConductError, match="more than"):
        search_run(lab.written(), lab.run)


@pytest.mark.parametrize("name", ["streams/99999.out", "../../../../etc/hostname", "/etc/hostname"])
def test_a_stream_that_is_not_the_runs_own_is_refused(lab: Lab, name: str) -> None:
    lab.flow(b"x", sent=name)
    with pytest.raises(ConductError):
        find(lab.written())


def test_a_link_in_place_of_a_stream_is_refused(lab: Lab, tmp_path: Path) -> None:
    flow = lab.flow(b"x")
    path = lab.run.path / flow.sent
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(ConductError, match="changed"):
        find(lab.written())


def test_a_pipe_in_place_of_a_stream_is_refused(lab: Lab) -> None:
    flow = lab.flow(b"x")
    (lab.run.path / flow.sent).unlink()
    os.mkfifo(lab.run.path / flow.sent)
    with pytest.raises(ConductError, match="changed"):
        find(lab.written())


def test_a_run_without_traffic_or_canaries_is_searched_too(lab: Lab) -> None:
    assert sightings(lab) == [] and opaque(lab) == []
    (lab.run.path / "canaries.jsonl").unlink()
    lab.flow(post(b"x" * 100))
    assert sightings(lab) == []
