"""Whose connection it was."""

from __future__ import annotations

from overt.conduct.evidence.records import Flow
from overt.conduct.observe.peers import Contact, Held, Peers


def flow(number: int, at_s: float, source_port: int = 0, protocol: str = "tcp") -> Flow:
    return Flow(
        number=number,
        at_s=at_s,
        ended_s=at_s + 1,
        step=0,
        process=None,
        protocol=protocol,
        application="raw",
        address="198.18.0.1",
        port=443,
        source_port=source_port,
        name="",
    )


def contact(at_s: float, process: int, protocol: str = "tcp", inode: int = 0) -> Contact:
    return Contact(at_s, process, protocol, "198.18.0.1", 443, inode)


def test_flows_of_several_processes_to_one_place_go_to_the_nearest_call_before() -> None:
    peers = Peers([contact(1.0, 7), contact(1.01, 8), contact(9.0, 9)], [])
    assert [peers.process(flow(number, at)) for number, at in enumerate((1.005, 1.02, 9.01))] == [7, 8, 9]


def test_a_call_of_long_ago_is_no_reason_to_doubt_the_last_one() -> None:
    peers = Peers([contact(1.0, 7), contact(60.0, 8)], [])
    assert [peers.process(flow(number, at)) for number, at in enumerate((60.1, 60.2))] == [8, 8]


def test_the_kernels_table_decides_where_times_do_not() -> None:
    calls = [contact(1.0, 7, inode=70), contact(1.0001, 8, inode=80)]
    tables = [
        Held(1.1, "tcp", 40_007, "198.18.0.1", 443, 70, None),
        Held(1.1, "tcp", 40_008, "198.18.0.1", 443, 80, None),
    ]
    peers = Peers(calls, tables)
    assert peers.process(flow(1, 1.001, 40_007)) == 7 and peers.process(flow(2, 1.001, 40_008)) == 8


def test_without_calls_the_table_names_who_holds_the_socket() -> None:
    peers = Peers([], [Held(1.1, "udp", 5_000, "", 0, 70, 3)])
    assert peers.process(flow(1, 1.0, 5_000, "udp")) == 3
    assert (
        peers.process(flow(2, 1.0, 5_000, "tcp")) is None
        and peers.process(flow(3, 500.0, 5_000, "udp")) is None
    )


def test_nothing_is_guessed() -> None:
    peers = Peers([contact(1.0, 7, protocol="udp"), contact(5.0, 8)], [])
    assert peers.process(flow(1, 2.0)) is None, "the one is of another protocol, the other is later"
