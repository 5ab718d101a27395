"""The examples of docs/tlog.md run, and its table of quorums is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from overt.tlog import note, policy_file, proof
from overt.tlog.merkle import EMPTY_TREE
from overt.tlog.policy import Log, Policy, Witness
from overt.tlog.quorum import Group
from tests.tlog.reference import LOG, NOW, MemoryLog, sha256, signed, signer
from tests.tlog.test_policies import k_of_n
from tests.tlog.test_proofs import POLICY, WITNESSES

TEXT = (Path(__file__).parents[2] / "docs" / "tlog.md").read_text()
WRITING, READING = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_writing_as_shown() -> None:
    names = {"seed": sha256(b"seed"), "fetch": {}.__getitem__}
    exec(WRITING, names)
    assert note.parse(names["checkpoint"]).text.startswith("log.example/rules\n1\n")
    assert sorted(names["appended"].tiles) == ["tile/0/000.p/1", "tile/entries/000.p/1"]


def test_reading_as_shown() -> None:
    log = MemoryLog()
    log.grow([b"first entry"])
    made = proof.LogProof(0, (), signed(log.head, *WITNESSES[:3]))
    names = {
        "policy_bytes": policy_file.encode(POLICY),
        "proof_bytes": made.encode(),
        "entry": b"first entry",
        "now": NOW,
    }
    exec(READING, names)
    assert names["accepted"].checkpoint.head == log.head != EMPTY_TREE


@pytest.mark.parametrize(
    "row", re.findall(r"^\| (\d of \d.*?) \| (.*?) \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE)
)
def test_quorums_as_listed(row: tuple[str, ...]) -> None:
    rules, shared, faults, outages = row
    for rule, outage in zip(rules.split(", "), outages.split(", ")):
        policy = k_of_n(*map(int, rule.split(" of ")))
        assert policy.overlap == int(shared)
        assert str(policy.outages_tolerated) == outage
        assert (
            (faults[:4] == "none")
            if policy.faults_tolerated is None
            else faults == str(policy.faults_tolerated)
        )


def test_groups_of_organisations() -> None:
    """Two of three organisations, two of three witnesses each: one organisation is shared, and in it one witness."""
    names = [f"{owner}{number}" for owner in "abc" for number in range(3)]
    groups = [Group(owner, 2, tuple(f"{owner}{number}" for number in range(3))) for owner in "abc"]
    policy = Policy(
        (Log(LOG.key),),
        tuple(Witness(name, signer(name).key) for name in names),
        (*groups, Group("two", 2, ("a", "b", "c"))),
        "two",
    )
    assert (policy.overlap, policy.faults_tolerated, policy.outages_tolerated) == (1, 0, 3)
