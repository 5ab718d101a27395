"""The report's machine forms, read by other people's programs."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from typing import Any

import pypdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from trestle.oscal.assessment_results import Model

from overt.conduct.judge import QUESTIONS
from overt.conduct.report.statement import PREDICATE_TYPE, STATEMENT
from tests.conduct.report.conftest import Report


def envelope(report: Report) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((report.folder.path / STATEMENT).read_bytes())
    return value


def payload(report: Report) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.b64decode(envelope(report)["payload"]))
    return value


def test_in_toto_reads_the_statement(spying: Report) -> None:
    read = json_format.ParseDict(payload(spying), statement_pb2.Statement())  # type: ignore[attr-defined]
    statement = Statement.copy_from_pb(read)
    statement.validate()
    assert statement.pb.predicate_type == PREDICATE_TYPE
    assert statement.pb.subject[0].name == "av-1.0.deb"


def test_the_signature_is_plain_dsse(spying: Report) -> None:
    """DSSE v1.0.2: PAE, with nothing but a hash and an Ed25519 library."""
    signed = envelope(spying)
    body, kind = base64.b64decode(signed["payload"]), signed["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
    key = Ed25519PublicKey.from_public_bytes(spying.key.public.public_key)
    key.verify(base64.b64decode(signed["signatures"][0]["sig"]), message)


def test_the_statement_names_every_file(spying: Report) -> None:
    predicate = payload(spying)["predicate"]
    named = {one["name"]: one["digest"]["sha256"] for one in (*predicate["evidence"], *predicate["derived"])}
    base = spying.folder.path
    found = {
        str(path.relative_to(base)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in base.rglob("*")
        if path.is_file() and path.name != STATEMENT
    }
    assert named == found
    assert predicate["result"] == "FAILED"
    sorted_out = [*predicate["passedTests"], *predicate["warnedTests"], *predicate["failedTests"]]
    assert sorted(sorted_out) == sorted(question.name for question in QUESTIONS)


@pytest.mark.parametrize("which", ["spying", "behaving"])
def test_oscal_is_what_nist_wants(which: str, request: pytest.FixtureRequest) -> None:
    report: Report = request.getfixturevalue(which)
    read = Model.model_validate_json((report.folder.path / "oscal.json").read_bytes())
    result = read.assessment_results.results[0]
    assert len(result.findings) == len(result.observations) == len(QUESTIONS)
    observed = {one.uuid for one in result.observations}
    assert all(one.related_observations[0].observation_uuid in observed for one in result.findings)
    states = {one.target.target_id: one.target.status.state.value for one in result.findings}
    assert states["update-integrity"] == "not-satisfied"  # not seen is not satisfied
    assert (states["content-left"] == "satisfied") is (which == "behaving")


def test_pdf_text_can_be_searched(spying: Report) -> None:
    reader = pypdf.PdfReader(io.BytesIO((spying.folder.path / "report.pdf").read_bytes()))
    text = "\n".join(page.extract_text() for page in reader.pages)
    for words in (
        "sent the content of files",
        "upload.spy.example:443",
        "What could not be seen",
        "OFFICIAL-SENSITIVE",
    ):
        assert words in text, words
    assert reader.metadata is not None and reader.metadata.title == "Conduct report: Example AV"
