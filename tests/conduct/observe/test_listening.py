"""Where a product waited: what its calls and the kernel's tables say, and what is a client's alone."""

from __future__ import annotations

import pytest

from overt.conduct.evidence.records import Call, Listening
from overt.conduct.observe.listening import listening
from overt.conduct.observe.raw import RawSocket
from overt.conduct.observe.trace import Called

V4 = '{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr("0.0.0.0")}}, 16'
V6 = (
    '{{sa_family=AF_INET6, sin6_port=htons({}), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::", &sin6_addr), '
    "sin6_scope_id=0}}, 28"
)


def seen(*calls: tuple[str, str], sockets: tuple[RawSocket, ...] = ()) -> list[str]:
    pairs = [
        (
            Called(7, at, name, arguments, "0"),
            Call(at_s=at, process=1, step=2, name=name, arguments=arguments, result="0"),
        )
        for at, (name, arguments) in enumerate(calls)
    ]
    return [one.place for one in listening(pairs, sockets, lambda at: 2, lambda pid, at: 1)]


def table(protocol: str, port: int) -> RawSocket:
    return RawSocket(
        at_s=1.0,
        protocol=protocol,
        address="0.0.0.0",
        port=port,
        remote_address="",
        remote_port=0,
        listening=True,
        inode=5,
        pid=7,
    )


@pytest.mark.parametrize("port", [0, 32_768, 60_999])
@pytest.mark.parametrize("where", [V4, V6])
def test_who_asks_for_any_port_by_udp_waits_for_answers_only(where: str, port: int) -> None:
    assert seen(("bind", f"6<UDP:[33]>, {where.format(port)}")) == []
    assert seen(sockets=(table("udp", port),)) == []


def test_a_port_of_its_own_is_waited_on() -> None:
    assert seen(("bind", f"6<UDP:[33]>, {V4.format(53)}")) == ["udp:0.0.0.0:53"]
    assert seen(("bind", f"6<UDPv6:[33]>, {V6.format(5353)}")) == ["udp:[::]:5353"]
    assert seen(sockets=(table("udp", 53), table("tcp", 40_000))) == ["udp:0.0.0.0:53", "tcp:0.0.0.0:40000"]


def test_whoever_listens_by_tcp_is_told_whatever_port_it_asked_for() -> None:
    assert seen(("bind", f"6<TCP:[33]>, {V4.format(0)}"), ("listen", "6<TCP:[33]>, 5")) == ["tcp:0.0.0.0:0"]
    assert seen(("bind", f"6<TCP:[33]>, {V4.format(0)}")) == []


def test_a_socket_with_a_path_is_named_without_a_port() -> None:
    unix = 'sun_path="/run/x.sock"}, 18'
    calls = (("bind", f"6<UNIX:[33]>, {{sa_family=AF_UNIX, {unix}"), ("listen", "6<UNIX:[33]>, 5"))
    assert seen(*calls) == ["unix:/run/x.sock"]
    one = Listening(at_s=0.0, step=1, protocol="unix", address="@hidden", port=0, process=None)
    assert one.place == "unix:@hidden"
