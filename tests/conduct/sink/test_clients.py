"""Real clients that trust the lab's authority: every byte that they send is in the stream file."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from overt.conduct.evidence.records import Opened
from tests.conduct.sink.lab import Net
from tests.conftest import require

pytestmark = pytest.mark.kernel

BODY = os.urandom(300_000)

REQUESTS = """
import sys, requests
body = open(sys.argv[1], "rb").read()
with requests.Session() as session:
    for _ in range(2):
        answer = session.post("https://py.example/up", data=body, headers={"X-Mark": "one"}, timeout=60)
        assert answer.status_code == 200, answer
    def pieces():
        for at in range(0, len(body), 7000):
            yield body[at:at + 7000]
    assert session.post("https://py.example/chunked", data=pieces(), timeout=60).ok
    assert session.post("https://py.example/form", files={"f": ("name.bin", body)}, timeout=60).ok
"""

URLLIB = """
import sys, ssl, urllib.request, certifi
context = ssl.create_default_context(cafile=sys.argv[2])
body = open(sys.argv[1], "rb").read()
urllib.request.urlopen(urllib.request.Request("https://lib.example:8443/up", data=body), context=context).read()
"""

NODE = """
const fs = require("fs");
fetch("https://node.example/up", {method: "POST", body: fs.readFileSync(process.argv[2])})
  .then(answer => answer.text()).then(text => process.exit(text.length ? 0 : 1))
  .catch(error => { console.error(error); process.exit(2); });
"""

JAVA = """
import java.net.URI; import java.net.http.*; import java.nio.file.*;
public class Up { public static void main(String[] a) throws Exception {
  var body = HttpRequest.BodyPublishers.ofFile(Path.of(a[0]));
  var r = HttpRequest.newBuilder(URI.create("https://java.example/up")).POST(body).build();
  System.exit(HttpClient.newHttpClient().send(r, HttpResponse.BodyHandlers.ofString()).statusCode() == 200 ? 0 : 1);
} }
"""

GO = """
package main
import ("bytes"; "net/http"; "os")
func main() {
  body, _ := os.ReadFile(os.Args[1])
  answer, err := http.Post("https://go.example/up", "application/octet-stream", bytes.NewReader(body))
  if err != nil { println(err.Error()); os.Exit(2) }
  if answer.StatusCode != 200 { os.Exit(1) }
}
"""


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body.bin"
    path.write_bytes(BODY)
    return path


def needed(program: str) -> str:
    found = shutil.which(program)
    require(found is not None, program)
    return str(found)


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that a client shows, and its key."""
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=device-7")
    key, certificate = folder / "own-key.pem", folder / "own.pem"
    subprocess.run(
        [needed("openssl"), *made, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    return certificate, key


def the_upload(net: Net, name: str) -> bytes:
    """What the only TCP flow to `name` sent; it was decrypted."""
    net.stop()
    (flow,) = net.to(name, protocol="tcp")
    assert flow.opened is Opened.DECRYPTED and flow.application == "https" and flow.server_name == name
    assert (net.folder.path / flow.hello).read_bytes()[:1] == b"\x16"
    assert flow.sent_bytes == len(net.sent(flow)) and flow.received_bytes == len(net.received(flow))
    assert net.outcome is not None and net.outcome.blind == ()
    return net.sent(flow)


def test_curl(net: Net, body: Path) -> None:
    command = (needed("curl"), "-sS", "--fail", "--cacert", str(net.ca), "-H", "Expect: 100-continue")
    net.run(*command, "--data-binary", f"@{body}", "https://curl.example/a/b?c=d")
    head, _, rest = the_upload(net, "curl.example").partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b?c=d HTTP/1.1\r\nHost: curl.example\r\n") and rest == BODY
    (flow,) = net.to("curl.example", protocol="tcp")
    server_name, request = flow.requests
    assert (server_name.method, server_name.target) == ("SNI", "curl.example")
    assert (request.method, request.target) == ("POST", "https://curl.example/a/b?c=d")
    assert request.sent_bytes == len(BODY) and request.status == 200
    assert ("Host", "curl.example") in request.headers


@pytest.mark.parametrize("version", ["4", "6"])
def test_curl_over_both_protocols(net: Net, body: Path, version: str) -> None:
    net.run(
        needed("curl"), f"-{version}", "-sS", "--cacert", str(net.ca), "-T", str(body), "https://v.example/up"
    )
    assert the_upload(net, "v.example").endswith(BODY)
    assert (":" in net.to("v.example", protocol="tcp")[0].address) == (version == "6")


def test_curl_to_an_address(net: Net) -> None:
    for host in ("203.0.113.9", "[2001:db8::9]"):
        net.run(needed("curl"), "-sS", "--cacert", str(net.ca), "-d", "to an address", f"https://{host}/")
    net.stop()
    for address in ("203.0.113.9", "2001:db8::9"):
        (flow,) = net.to(address, protocol="tcp")
        assert flow.opened is Opened.DECRYPTED and net.sent(flow).endswith(b"to an address")


def test_http2_is_unfolded(net: Net, body: Path) -> None:
    net.run(
        needed("curl"),
        "-sS",
        "--http2-prior-knowledge",
        "-H",
        "x-mark: folded",
        "-T",
        str(body),
        "http://two.example/up",
    )
    net.stop()
    (flow,) = net.to("two.example", protocol="tcp")
    head, _, beside = net.sent(flow).partition(BODY)
    assert head.startswith(b"PUT /up HTTP/2\r\nhost: two.example\r\n") and head.endswith(b"\r\n\r\n")
    assert 0 < len(beside) < 100, "its settings, and room for answers"
    assert b"x-mark: folded\r\n" in net.sent(flow)
    assert [(one.method, one.target, one.status, one.sent_bytes) for one in flow.requests] == [
        ("PUT", "http://two.example/up", 200, len(BODY))
    ]


def test_wget(net: Net, body: Path) -> None:
    net.run(
        needed("wget"), "-qO-", f"--ca-certificate={net.ca}", f"--post-file={body}", "https://wget.example/up"
    )
    assert the_upload(net, "wget.example").endswith(b"\r\n\r\n" + BODY)


def test_openssl(net: Net) -> None:
    lines = b"GET /lines HTTP/1.1\r\nHost: ssl.example\r\nConnection: close\r\n\r\n"
    command = (needed("openssl"), "s_client", "-connect", "ssl.example:443", "-servername", "ssl.example")
    done = net.run(*command, "-CAfile", str(net.ca), "-verify_return_error", "-quiet", input=lines)
    assert b"HTTP/1.1 200" in done.stdout
    assert the_upload(net, "ssl.example") == lines


def test_gnutls(net: Net) -> None:
    lines = b"GET /gnu HTTP/1.1\r\nHost: gnu.example\r\nConnection: close\r\n\r\n"
    done = net.run(needed("gnutls-cli"), "--x509cafile", str(net.ca), "gnu.example", input=lines)
    assert b"HTTP/1.1 200" in done.stdout
    assert the_upload(net, "gnu.example") == lines


def test_requests_keeps_its_connection(net: Net, body: Path) -> None:
    net.run(sys.executable, "-c", REQUESTS, str(body), env={"REQUESTS_CA_BUNDLE": str(net.ca)})
    sent = the_upload(net, "py.example")
    assert sent.count(BODY) == 3 and b'filename="name.bin"' in sent and b"Transfer-Encoding: chunked" in sent
    (flow,) = net.to("py.example", protocol="tcp")
    sizes = [one.sent_bytes for one in flow.requests if one.method == "POST"]
    assert sizes[:3] == [len(BODY)] * 3 and len(sizes) == 4


def test_urllib(net: Net, body: Path) -> None:
    net.run(sys.executable, "-c", URLLIB, str(body), str(net.ca))
    assert the_upload(net, "lib.example").endswith(BODY)
    assert net.to("lib.example", protocol="tcp")[0].requests[1].target == "https://lib.example:8443/up"


def test_node(net: Net, body: Path, tmp_path: Path) -> None:
    script = tmp_path / "up.js"
    script.write_text(NODE)
    net.run(needed("node"), str(script), str(body), env={"NODE_EXTRA_CA_CERTS": str(net.ca)})
    assert the_upload(net, "node.example").endswith(BODY)


def test_java(net: Net, body: Path, tmp_path: Path) -> None:
    store, source = tmp_path / "trust.p12", tmp_path / "Up.java"
    source.write_text(JAVA)
    net.run(
        needed("keytool"), "-importcert", "-noprompt", "-alias", "lab", "-file", str(net.ca),
        "-keystore", str(store), "-storepass", "changeit", "-storetype", "PKCS12",
    )  # fmt: skip
    trust = (f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit")
    net.run(needed("java"), *trust, str(source), str(body), timeout=120)
    assert the_upload(net, "java.example").endswith(BODY)


def test_go(net: Net, body: Path, tmp_path: Path) -> None:
    source, program = tmp_path / "up.go", tmp_path / "up"
    source.write_text(GO)
    cache = {
        "GOCACHE": str(tmp_path / "gocache"),
        "GOFLAGS": "-mod=mod",
        "GO111MODULE": "off",
        "HOME": str(tmp_path),
    }
    net.run(needed("go"), "build", "-o", str(program), str(source), timeout=300, env=cache)
    net.run(str(program), str(body), env={"SSL_CERT_FILE": str(net.ca)})
    assert the_upload(net, "go.example").endswith(BODY)


def test_raw_tls_and_raw_tcp(net: Net) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))

    def talk() -> None:
        plain = socket.create_connection(("raw.example", 4433), 60)
        with context.wrap_socket(plain, server_hostname="raw.example") as tls:
            tls.sendall(BODY)
        with socket.create_connection(("bare.example", 4444), 60) as plain:
            plain.sendall(BODY)

    net.inside(talk)
    assert net.stop()
    (tls,) = net.to("raw.example", protocol="tcp")
    assert (tls.application, tls.opened, net.sent(tls)) == ("tls", Opened.DECRYPTED, BODY)
    (raw,) = net.to("bare.example", protocol="tcp")
    assert (raw.application, raw.opened, net.sent(raw)) == ("raw", Opened.PLAIN, BODY)
