"""Trust policies: their text, what meets them, and what their quorums are worth."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog import policy_file
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import TreeHead, leaf_hash
from overt.tlog.note import Note, Signature
from overt.tlog.policy import Log, Policy, Witness
from overt.tlog.quorum import Group
from overt.tlog.signing import cosigned_message, sign
from tests.tlog.reference import LOG, NOW, checkpoint, signed, signer

HEAD = TreeHead(7, leaf_hash(b"root"))
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
SIGNERS = {name: signer(f"{name.lower()}.example") for name in NAMES}
EXAMPLE = f"""# the specification's example, with keys
log {LOG.key.encode()}

{"".join(f"witness {name} {SIGNERS[name].key.encode()}{chr(10)}" for name in NAMES[:3])}group X-witnesses 2 X1 X2 X3

\twitness Y1 {SIGNERS["Y1"].key.encode()}\thttps://y1.example/
{"".join(f"witness {name} {SIGNERS[name].key.encode()}{chr(10)}" for name in NAMES[4:])}group Y-witnesses any Y1 Y2 Y3

   # a comment, with ümlauts
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def k_of_n(k: int, n: int) -> Policy:
    names = [f"w{number}" for number in range(n)]
    witnesses = tuple(Witness(name, signer(name).key) for name in names)
    return Policy((Log(LOG.key),), witnesses, (Group("all-of-them", k, tuple(names)),), "all-of-them")


def test_the_specifications_example() -> None:
    policy = policy_file.parse(EXAMPLE.encode())
    assert [witness.name for witness in policy.witnesses] == list(NAMES)
    assert policy.witnesses[3].url == "https://y1.example/"
    assert [(group.name, group.threshold) for group in policy.groups] == [
        ("X-witnesses", 2),
        ("Y-witnesses", 1),
        ("X-and-Y", 2),
    ]
    for count in range(7):
        for cosigned in combinations(NAMES, count):
            x, y = sum(name[0] == "X" for name in cosigned), sum(name[0] == "Y" for name in cosigned)
            assert policy.satisfied_by(cosigned) == (x >= 2 and y >= 1)


@pytest.mark.parametrize(("k", "n", "faults", "outages"), [
    (1, 1, 0, 0), (2, 2, 1, 0), (1, 2, None, 1), (2, 3, 0, 1), (3, 4, 1, 1), (4, 5, 2, 1), (3, 5, 0, 2),
    (2, 4, None, 2), (5, 7, 2, 2), (4, 7, 0, 3), (3, 7, None, 4), (8, 8, 7, 0),
])  # fmt: skip
def test_faults_that_k_of_n_tolerates(k: int, n: int, faults: int | None, outages: int) -> None:
    """Two k-of-n quorums share 2k - n witnesses, who must all be faulty for a split view."""
    policy = k_of_n(k, n)
    assert (policy.faults_tolerated, policy.outages_tolerated) == (faults, outages)
    assert policy.overlap == max(0, 2 * k - n)


def test_a_policy_without_witnesses_tolerates_nothing() -> None:
    policy = policy_file.parse(f"log {LOG.key.encode()}\nquorum none\n".encode())
    assert (policy.overlap, policy.faults_tolerated, policy.outages_tolerated) == (0, None, 0)
    assert policy.accept(signed(HEAD)).cosigned_s == ()


@st.composite
def trees(draw: st.DrawFn) -> Policy:
    """Random trees of groups over up to seven witnesses."""
    names = [f"w{number}" for number in range(draw(st.integers(1, 7)))]
    witnesses = tuple(Witness(name, signer(name).key) for name in names)
    free, groups = list(names), []
    for number in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        groups.append(Group(f"g{number}", draw(st.integers(1, len(members))), tuple(members)))
        free = [name for name in free if name not in members] + [f"g{number}"]
    return Policy((Log(LOG.key),), witnesses, tuple(groups), draw(st.sampled_from(free)))


@given(trees())
@settings(max_examples=60, deadline=None)
def test_overlap_and_outages_of_any_tree(policy: Policy) -> None:
    """Against trying every set of witnesses."""
    names = [witness.name for witness in policy.witnesses]
    subsets = [frozenset(chosen) for count in range(len(names) + 1) for chosen in combinations(names, count)]
    quorums = [chosen for chosen in subsets if policy.satisfied_by(chosen)]
    smallest = [chosen for chosen in quorums if not any(other < chosen for other in quorums)]
    assert policy.overlap == min(len(one & other) for one in smallest for other in smallest)
    stopping = [chosen for chosen in subsets if not policy.satisfied_by(frozenset(names) - chosen)]
    assert policy.outages_tolerated == min(map(len, stopping)) - 1


@given(trees())
@settings(max_examples=40, deadline=None)
def test_policies_round_trip(policy: Policy) -> None:
    assert policy_file.parse(policy_file.encode(policy)) == policy


def test_names_are_octets() -> None:
    """A Kelvin sign is no K, and what is not UTF-8 is a name like any other."""
    key, other = signer("a").key.encode().encode(), signer("b").key.encode().encode()
    text = b"witness K %s\nwitness \xe2\x84\xaa %s \xff://\ngroup \xff 1 K \xe2\x84\xaa\nquorum \xff\n" % (
        key,
        other,
    )
    policy = policy_file.parse(text)
    assert [witness.name for witness in policy.witnesses] == ["K", "\u212a"]
    assert policy_file.encode(policy) == text
    with pytest.raises(Unproven) as caught:
        Policy((Log(LOG.key),), policy.witnesses, policy.groups, policy.quorum).accept(signed(HEAD))
    str(caught.value).encode()


A, B = (signer(name).key.encode() for name in "ab")
LOGS = f"log {LOG.key.encode()}\n"
MLDSA = signer("p", SignatureType.ML_DSA_44_COSIGNATURE).key.encode()
WRONG = {
    "no quorum": LOGS,
    "two quorums": f"{LOGS}quorum none\nquorum none\n",
    "quorum of nobody": f"{LOGS}quorum\n",
    "quorum of an unknown": f"{LOGS}quorum a\n",
    "quorum before its witness": f"quorum a\nwitness a {A}\n",
    "no last newline": f"{LOGS}quorum none",
    "empty": "",
    "control character": f"{LOGS}quorum none\x0b\n",
    "carriage return": f"{LOGS}quorum none\r\n",
    "DEL": f"# \x7f\n{LOGS}quorum none\n",
    "unknown word": f"{LOGS}Quorum none\n",
    "comment after a line": f"{LOGS}quorum none # none\n",
    "log twice": f"{LOGS}{LOGS}quorum none\n",
    "log with a witness's key": f"log {A}\nquorum none\n",
    "witness with a log's key": f"witness a {LOG.key.encode()}\nquorum a\n",
    "same key under two names": f"witness a {A}\nwitness b {A}\nquorum a\n",
    "same name twice": f"witness a {A}\nwitness a {B}\nquorum a\n",
    "witness named none": f"witness none {A}\nquorum none\n",
    "group named none": f"witness a {A}\ngroup none 1 a\nquorum none\n",
    "group named as a witness": f"witness a {A}\nwitness b {B}\ngroup a 1 b\nquorum a\n",
    "group with none": f"witness a {A}\ngroup g 1 a none\nquorum g\n",
    "group of nobody": f"witness a {A}\ngroup g any\nquorum a\n",
    "group of itself": f"witness a {A}\ngroup g any g\nquorum a\n",
    "group before its witness": f"group g any a\nwitness a {A}\nquorum a\n",
    "member twice": f"witness a {A}\ngroup g 1 a a\nquorum g\n",
    "member of two groups": f"witness a {A}\ngroup g 1 a\ngroup h 1 a\nquorum g\n",
    "threshold 0": f"witness a {A}\ngroup g 0 a\nquorum g\n",
    "threshold 2 of 1": f"witness a {A}\ngroup g 2 a\nquorum g\n",
    "threshold 01": f"witness a {A}\ngroup g 01 a\nquorum g\n",
    "threshold +1": f"witness a {A}\ngroup g +1 a\nquorum g\n",
    "threshold ALL": f"witness a {A}\ngroup g ALL a\nquorum g\n",
    "bad key": f"witness a {A[:-2]}\nquorum a\n",
    "two URLs of a log": f"log {LOG.key.encode()} u v\nquorum none\n",
    "two URLs": f"witness a {A} u v\nquorum a\n",
}


@pytest.mark.parametrize("what", WRONG)
def test_malformed_policies(what: str) -> None:
    with pytest.raises(Malformed):
        policy_file.parse(WRONG[what].encode())


def test_urls_of_logs_and_witnesses() -> None:
    text = (
        f"log {LOG.key.encode()} https://log.example/\nwitness a {A} https://a.example/x\nquorum a\n".encode()
    )
    policy = policy_file.parse(text)
    assert (policy.logs[0].url, policy.witnesses[0].url) == ("https://log.example/", "https://a.example/x")
    assert policy_file.encode(policy) == text


def test_values_that_no_policy_can_have() -> None:
    key = signer("a").key
    for wrong in (
        lambda: Policy((), (Witness("a", key),), (), "b"),
        lambda: Policy((), (Witness("a b", key),), (), "a b"),
        lambda: Policy((), (Witness("", key),), (), ""),
        lambda: Policy((), (Witness("a\n", key),), (), "a\n"),
        lambda: Policy((), (Witness("a\x7f", key),), (), "a\x7f"),
        lambda: Policy((), (Witness("a", key, "http://x y"),), (), "a"),
        lambda: Policy((Log(LOG.key, "http://x\ty"),), ()),
        lambda: Policy((Log(LOG.key),) * 1025, ()),
    ):
        with pytest.raises(Malformed):
            wrong()


def test_errors_name_the_line() -> None:
    with pytest.raises(Malformed, match="line 3: 'b' is not defined"):
        policy_file.parse(f"{LOGS}witness a {A}\ngroup g any a b\nquorum g\n".encode())


def test_post_quantum_logs_and_witnesses() -> None:
    policy = policy_file.parse(f"log {MLDSA}\nwitness a {A}\nquorum a\n".encode())
    assert policy.logs[0].key.type is SignatureType.ML_DSA_44_COSIGNATURE


def test_a_large_policy_is_read() -> None:
    """The specification recommends 32 of each at least."""
    lines = [f"log {signer(f'l{number}', SignatureType.ED25519).key.encode()}" for number in range(40)]
    lines += [f"witness w{number} {signer(f'w{number}').key.encode()}" for number in range(40)]
    lines += [f"group g{number} 1 w{number}" for number in range(40)]
    policy = policy_file.parse("\n".join([*lines, "quorum g0", ""]).encode())
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (40, 40, 40)
    with pytest.raises(Malformed):
        policy_file.parse(b"#" * (policy_file.MAX_POLICY_BYTES + 1))


def cosigned(*names: str, at: int = NOW) -> Note:
    return signed(HEAD, *(SIGNERS[name] for name in names), at=at)


def test_accepting() -> None:
    policy = policy_file.parse(EXAMPLE.encode())
    accepted = policy.accept(cosigned("Y2", "X1", "X3"))
    assert accepted.checkpoint.head == HEAD
    assert accepted.log_keys == (LOG.key,)
    assert accepted.cosigned_s == (("X1", NOW), ("X3", NOW), ("Y2", NOW))
    with pytest.raises(Unproven, match=r"cosigned by X1, Y1, .* not cosigned by X2, X3, Y2, Y3;"):
        policy.accept(cosigned("X1", "Y1"))


def test_times_that_count() -> None:
    policy = k_of_n(2, 3)
    first, second = signer("w0"), signer("w1")
    note = signed(HEAD, first, at=NOW).signed_also(signed(HEAD, second, at=NOW + 100).signatures[1:])
    assert len(policy.accept(note, NOW, NOW + 100).cosigned_s) == 2
    for after, before in ((NOW + 1, None), (None, NOW + 99), (NOW + 1, NOW + 99)):
        with pytest.raises(Unproven, match="time that does not count by w"):
            policy.accept(note, after, before)
    renewed = note.signed_also(signed(HEAD, first, at=NOW + 50).signatures[1:])
    assert dict(policy.accept(renewed, NOW + 1).cosigned_s) == {"w0": NOW + 50, "w1": NOW + 100}


def test_a_witness_counts_once() -> None:
    note = cosigned("X1").signed_also(cosigned("X1", at=NOW + 1).signatures)
    with pytest.raises(Unproven):
        policy_file.parse(EXAMPLE.encode()).accept(note.signed_also(cosigned("Y1").signatures))


def test_strangers_do_not_count_and_liars_are_named() -> None:
    policy = k_of_n(1, 1)
    with pytest.raises(Unproven):
        policy.accept(signed(HEAD, signer("stranger")))
    with pytest.raises(Unproven):
        policy.accept(signed(HEAD, log=signer("other.example", SignatureType.ED25519)))
    key = policy.witnesses[0].key
    with pytest.raises(PeerLied, match="w0"):
        policy.accept(signed(HEAD).signed_also((Signature(key.name, key.key_id, bytes(72)),)))


def test_a_time_of_zero_counts_for_nothing() -> None:
    """tlog-cosignature: with it, a cosigner makes no statement that this is the largest tree it has seen."""
    one = signer("zero", SignatureType.ML_DSA_44_COSIGNATURE)
    policy = Policy((Log(LOG.key),), (Witness("zero", one.key),), (), "zero")
    policy.accept(signed(HEAD, one))
    with pytest.raises(Unproven):
        policy.accept(signed(HEAD).signed_also((_timeless(one),)))


def _timeless(one: MemorySigner) -> Signature:
    bare = one.sign(cosigned_message(one.key, checkpoint(HEAD), 0))
    return Signature(one.key.name, one.key.key_id, bytes(8) + bare)


def test_a_log_cannot_answer_for_another() -> None:
    other = signer("other.example", SignatureType.ED25519)
    policy = Policy((Log(LOG.key), Log(other.key)), (), ())
    text = checkpoint(HEAD).text
    with pytest.raises(Unproven):
        policy.accept(Note(text, (sign(text, other),)))
    both = policy.accept(Note(text, (sign(text, other), sign(text, LOG))))
    assert both.log_keys == (LOG.key,)
