"""Real clients inside trust the lab's authority, whose certificate a TLS server at the end of the cable has."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from overt.conduct.chamber import trust
from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import MIB, ChamberPlan, Limits
from tests.conduct.chamber.rooms import python, run
from tests.conftest import require

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("lab")]

PLACE = "192.168.77.1"
URL = f"https://{PLACE}:8443/"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nreached\n"
CERTIFI = "import pip._vendor.certifi as c, ssl, urllib.request as u; where=c.where()\n"
GO = f"""package main
import ("fmt"; "io"; "net/http")
func main() {{
  r, e := http.Get("{URL}")
  if e != nil {{ panic(e) }}
  b, _ := io.ReadAll(r.Body)
  fmt.Print(string(b)) }}
"""
JAVA = f"""import java.net.*;
public class Get {{ public static void main(String[] a) throws Exception {{
  System.out.write(new URL("{URL}").openStream().readAllBytes()); System.out.flush(); }} }}
"""
CLIENTS: dict[str, tuple[str, str | list[str]]] = {
    "curl": ("curl", ["curl", "-sS", URL]),
    "wget": ("wget", ["wget", "-q", "-O", "-", URL]),
    "openssl": (
        "openssl",
        f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -connect {PLACE}:8443",
    ),
    "gnutls": (
        "gnutls-cli",
        f"(printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1) | gnutls-cli -p 8443 {PLACE}",
    ),
    "python": ("python3", python(f"import urllib.request as u; print(u.urlopen('{URL}').read().decode())")),
    "certifi": (
        "python3",
        python(
            CERTIFI
            + f"print(u.urlopen('{URL}', context=ssl.create_default_context(cafile=where)).read().decode())"
        ),
    ),
    "node": ("node", ["node", "-e", f"fetch('{URL}').then(r => r.text()).then(console.log)"]),
    "java": ("java", "cd /tmp && java /opt/clients/Get.java"),
    "go": ("go", "cd /tmp && HOME=/root GOFLAGS=-mod=mod go run /opt/clients/get.go"),
}


def authority(folder: Path) -> tuple[bytes, Path]:
    """A CA's certificate (PEM), and a file with the server's key and certificate chain."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Chamber Test Authority")])

    def made(
        name: x509.Name, public: ec.EllipticCurvePublicKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256())

    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = made(issuer, ca_key.public_key(), (x509.BasicConstraints(True, None), True), (usage, True))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
    address = x509.IPAddress(ipaddress.ip_address(PLACE))
    leaf = made(name, key.public_key(), (x509.SubjectAlternativeName([address]), False))
    chain = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain.write_bytes(secret + leaf.public_bytes(Encoding.PEM))
    return ca.public_bytes(Encoding.PEM), chain


def serve(chain: Path) -> None:
    """Answer every TLS connection, in a thread of the warden's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    listener = socket.create_server(("", 8443))

    def answer() -> None:
        while True:
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(65536)
                    secured.sendall(REPLY)
            except OSError:
                continue

    threading.Thread(target=answer, daemon=True).start()


def test_clients_trust_the_authority(tmp_path: Path) -> None:
    require(not (absent := [tool for tool, _ in CLIENTS.values() if shutil.which(tool) is None]), f"{absent}")
    pem, chain = authority(tmp_path)
    clients = tmp_path / "clients"
    clients.mkdir()
    (clients / "get.go").write_text(GO)
    (clients / "Get.java").write_text(JAVA)

    def before(chamber: Chamber) -> None:
        serve(chain)
        chamber.bring(clients, "/opt/clients")
        done = trust.establish(chamber.merged, pem)
        assert not done.not_done
        assert {"/etc/ssl/certs/ca-certificates.crt", f"/{trust.LOCAL}"} <= set(done.changed)
        again = trust.establish(chamber.merged, pem)
        assert not again.changed and not again.not_done

    environment = {"NODE_EXTRA_CA_CERTS": f"/{trust.LOCAL}", "GOCACHE": "/tmp/go"}
    plan = ChamberPlan(limits=Limits(homes_bytes=32 * MIB, tmp_bytes=512 * MIB))
    commands = [command for _, command in CLIENTS.values()]
    found = run(tmp_path, commands, plan, before=before, timeout_s=120.0, env=environment)
    failed = {
        name: said.output for name, said in zip(CLIENTS, found, strict=True) if "reached" not in said.output
    }
    assert not failed


def test_a_browser_trusts_the_authority(tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    require(
        browser is not None and shutil.which("certutil") is not None, "chromium and certutil (libnss3-tools)"
    )
    pem, chain = authority(tmp_path)

    def before(chamber: Chamber) -> None:
        serve(chain)
        assert "/home/alice/.pki/nssdb/cert9.db" in trust.establish(chamber.merged, pem).changed

    look = f"chromium --headless --no-sandbox --disable-gpu --dump-dom {URL} 2>/dev/null"
    said = run(
        tmp_path, [look], ChamberPlan(), before=before, user="alice", timeout_s=60.0, cwd="/home/alice"
    )[0]
    assert "reached" in said.output


def test_nothing_is_trusted_without(tmp_path: Path) -> None:
    _, chain = authority(tmp_path)
    found = run(tmp_path, [CLIENTS["curl"][1], CLIENTS["python"][1]], before=lambda chamber: serve(chain))
    assert all("reached" not in said.output for said in found)


def test_a_file_with_few_certificates_is_left(tmp_path: Path) -> None:
    pem, _ = authority(tmp_path)
    few, many = tmp_path / "etc/few-certs.pem", tmp_path / "etc/many-certs.pem"
    few.parent.mkdir()
    few.write_bytes(pem * 19)
    other, _ = authority(tmp_path)
    many.write_bytes(other * 20)
    done = trust.establish(tmp_path, pem)
    assert few.read_bytes() == pem * 19 and many.read_bytes() == other * 20 + pem
    assert "/etc/many-certs.pem" in done.changed and "/etc/few-certs.pem" not in done.changed
