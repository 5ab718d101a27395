"""TLS: only the named authorities, only the right name; and through proxies."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.core.errors import PeerAtFault, UsageError
from overt.egress import errors
from overt.egress.courier import Courier, Fetched
from overt.egress.job import Job
from tests.egress.conftest import QUICK, Authority, Records
from tests.egress.servers import body, saying, serving, tunnel

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
HELLO = saying(body(b"hello"))


def fetched(courier: Courier, path: str = "x") -> bytes:
    answer = courier.fetch(path, max_bytes=1000)
    assert isinstance(answer, Fetched)
    return answer.path.read_bytes()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_right_certificate(
    name: str, job: Make, records: Records, authority: Callable[[], Authority]
) -> None:
    ca = authority()
    with serving(HELLO, ca.server(name)) as server:
        asked = job(f"https://{name}:{server.port}/", ca_file=ca.file)
        with Courier.start(asked, records) as courier:
            assert [fetched(courier), fetched(courier)] == [b"hello"] * 2
        assert server.connections == 1


def test_another_authority(job: Make, records: Records, authority: Callable[[], Authority]) -> None:
    ca, other = authority(), authority()
    with serving(HELLO, other.server("localhost")) as server:
        asked = job(f"https://localhost:{server.port}/", ca_file=ca.file)
        with Courier.start(asked, records) as courier, pytest.raises(errors.CertificateRefused) as caught:
            fetched(courier)
        assert isinstance(caught.value, PeerAtFault)
        assert server.requests == [], "not one byte of the request"


def test_the_system_s_authorities_do_not_know_ours(
    job: Make, records: Records, authority: Callable[[], Authority]
) -> None:
    with serving(HELLO, authority().server("localhost")) as server:
        asked = job(f"https://localhost:{server.port}/")
        with Courier.start(asked, records) as courier, pytest.raises(errors.CertificateRefused):
            fetched(courier)
        assert server.requests == []


def test_another_name(job: Make, records: Records, authority: Callable[[], Authority]) -> None:
    ca = authority()
    with serving(HELLO, ca.server("elsewhere.example")) as server:
        asked = job(f"https://localhost:{server.port}/", ca_file=ca.file)
        with (
            Courier.start(asked, records) as courier,
            pytest.raises(errors.CertificateRefused, match="localhost"),
        ):
            fetched(courier)
        assert server.requests == []


def test_old_tls(job: Make, records: Records, authority: Callable[[], Authority]) -> None:
    ca = authority()
    context = ca.server("localhost")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(HELLO, context) as server:
        asked = job(f"https://localhost:{server.port}/", ca_file=ca.file)
        with Courier.start(asked, records) as courier, pytest.raises(errors.TlsFailed):
            fetched(courier)


def test_no_tls_where_it_was_asked_for(
    job: Make, records: Records, authority: Callable[[], Authority]
) -> None:
    with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        asked = job(f"https://127.0.0.1:{server.port}/", ca_file=authority().file, limits=QUICK)
        with Courier.start(asked, records) as courier, pytest.raises(errors.NetworkFailed):
            fetched(courier)


def test_a_file_of_certificates_that_is_none(job: Make, records: Records, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file of certificates"):
        Courier.start(job("https://localhost:9/", ca_file=tmp_path / "nonesuch"), records)
    assert records.entries == []
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="certificates"):
        Courier.start(job("https://localhost:9/", ca_file=tmp_path / "empty.pem"), records)


def test_tls_through_a_proxy(job: Make, records: Records, authority: Callable[[], Authority]) -> None:
    ca = authority()
    log: list[bytes] = []
    token = base64.b64encode(b"me:pass word").decode()
    with serving(HELLO, ca.server("localhost")) as server, serving(tunnel(log, token)) as proxy:
        url = f"https://localhost:{server.port}/"
        asked = job(url, ca_file=ca.file, proxy=f"http://me:pass%20word@127.0.0.1:{proxy.port}")
        with Courier.start(asked, records) as courier:
            assert fetched(courier) == b"hello"
        assert log[0].startswith(f"CONNECT localhost:{server.port} ".encode())
        assert b"proxy" not in b"".join(server.requests).lower()
        assert records.entries[0][1]["proxy"] == f"http://127.0.0.1:{proxy.port}"
        assert "word" not in repr(records.entries) and token not in repr(records.entries)


def test_plain_http_through_a_proxy(job: Make, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[bytes] = []
    with serving(HELLO) as server, serving(tunnel(log)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        with Courier.start(job(server.url), records) as courier:
            assert fetched(courier) == b"hello"
        assert log[0].startswith(f"GET {server.url}x HTTP/1.1".encode())
        monkeypatch.setenv("no_proxy", "localhost,127.0.0.0/8")
        with Courier.start(job(server.url), records) as courier:
            assert fetched(courier) == b"hello"
        assert len(log) == 1


def test_a_proxy_that_refuses_or_is_not_there(
    job: Make, records: Records, authority: Callable[[], Authority]
) -> None:
    ca = authority()
    with serving(HELLO) as nobody:
        gone = nobody.port
    with serving(HELLO, ca.server("localhost")) as server, serving(tunnel([], "nobody")) as proxy:
        url = f"https://localhost:{server.port}/"
        for port, words in ((proxy.port, "407"), (gone, "refused")):
            asked = job(url, ca_file=ca.file, proxy=f"http://127.0.0.1:{port}")
            with Courier.start(asked, records) as courier, pytest.raises(errors.ProxyFailed, match=words):
                fetched(courier)
        assert server.connections == 0, "no way around the proxy"


def test_an_encrypted_proxy(job: Make, records: Records, authority: Callable[[], Authority]) -> None:
    ca = authority()
    with serving(HELLO) as server, serving(tunnel([]), ca.server("localhost")) as proxy:
        asked = job(server.url, ca_file=ca.file, proxy=f"https://localhost:{proxy.port}")
        with Courier.start(asked, records) as courier:
            assert fetched(courier) == b"hello"
