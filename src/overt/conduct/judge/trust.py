"""Places that say whom a machine trusts: stores of certificates, and what names them."""

from __future__ import annotations

from overt.conduct.judge.persistence import BROWSER_POLICIES
from overt.conduct.judge.places import Place, libraries, users

CERTIFICATES = (
    Place(
        "trusted by OpenSSL and GnuTLS",
        (
            "/etc/ssl/certs/**",
            "/etc/ssl/cert.pem",
            "/usr/local/share/ca-certificates/**",
            "/usr/share/ca-certificates*/**",
            "/etc/ca-certificates*",
            "/etc/pki/**",
            "/usr/share/pki/**",
            "/etc/gnutls/**",
        ),
    ),
    Place("set by a browser's policies", BROWSER_POLICIES),
    Place(
        "trusted by browsers",
        (
            "**/cert8.db",
            "**/cert9.db",
            "**/nssdb/pkcs11.txt",
            "/home/*/.pki/**",
            "/etc/skel/.pki/**",
        ),
    ),
    Place(
        "loaded by p11-kit",
        (
            "/etc/pkcs11/**",
            "/usr/share/p11-kit/**",
            *libraries("pkcs11/**", "*/pkcs11/**"),
            *users(".config/pkcs11/**"),
        ),
    ),
    Place("trusted by a private network", ("/etc/ipsec.d/cacerts/**", "/etc/swanctl/x509ca/**")),
    Place(
        "trusted by Java",
        ("**/cacerts", "**/jssecacerts", "/etc/ssl/certs/java/**", "/etc/java*/security/**"),
    ),
    Place("trusted by Python", ("**/certifi/cacert.pem",)),
    Place("trusted by containers", ("/etc/docker/certs.d/**", "/etc/containers/certs.d/**")),
    Place("trusted by curl and wget", ("/etc/wgetrc", *users(".curlrc", ".wgetrc"))),
)
