"""The report as OSCAL assessment results (NIST OSCAL 1.1.3, JSON): observations and findings that auditors' tools read.

Identifiers are made from the content (RFC 9562, version 5): the same report gives the same bytes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from overt.conduct.judge.answering import counted
from overt.conduct.report.headline import Tone
from overt.conduct.report.printable import address, plain
from overt.conduct.report.view import ShownAnswer, View

OSCAL_VERSION = "1.1.3"
NAMESPACE = "https://overt.example/ns/conduct"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)
STATES = {Tone.GOOD: "satisfied", Tone.BAD: "not-satisfied"}
"""Only what was seen to be good is satisfied: neutral and unseen answers are not."""


def document(view: View) -> bytes:
    """The whole document, UTF-8."""
    results = {
        "uuid": _id(view, "results"),
        "metadata": {
            "title": f"Conduct report: {plain(view.subject.name, 200)}",
            "last-modified": _time(view.made),
            "version": plain(view.subject.version, 200).strip() or "unknown",
            "oscal-version": OSCAL_VERSION,
            "props": [
                _property("tool", f"overt {view.build.version}"),
                _property("build", view.build.sha256),
            ],
        },
        "import-ap": {"href": "#" + _id(view, "profile")},
        "results": [_result(view)],
        "back-matter": {"resources": [*_resources(view)]},
    }
    return (
        json.dumps({"assessment-results": results}, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        + b"\n"
    )


def _result(view: View) -> dict[str, Any]:
    result: dict[str, Any] = {
        "uuid": _id(view, "result"),
        "title": plain(view.title, 300),
        "description": plain(
            f"{view.lead} Observed in {counted(len(view.runs), 'run')}, on {'; '.join(view.systems)}."
        ),
        "start": _time(min((run.began for run in view.runs), default=view.made)),
        "end": _time(view.made),
        "reviewed-controls": {"control-selections": [{"include-all": {}}]},
        "observations": [_observation(view, answer) for answer in view.answers],
        "findings": [_finding(view, answer) for answer in view.answers],
    }
    if not view.answers:
        del result["observations"], result["findings"]
    return result


def _observation(view: View, answer: ShownAnswer) -> dict[str, Any]:
    observation = {
        "uuid": _id(view, f"observation {answer.name}"),
        "title": plain(answer.asked),
        "description": plain(answer.summary),
        "props": [_property("question", answer.name), _property("verdict", answer.verdict.value)],
        "methods": ["TEST"],
        "types": ["finding"],
        "collected": _time(view.made),
        "relevant-evidence": [*_evidence(answer)],
    }
    return {name: value for name, value in observation.items() if value}


def _evidence(answer: ShownAnswer) -> Iterator[dict[str, Any]]:
    for fact in answer.facts:
        first = {"href": address(fact.links[0].file)} if fact.links else {}
        where = "; ".join(link.text for link in fact.links)
        yield {**first, "description": plain(fact.text) + (f" ({plain(where)})" if where else "")}


def _finding(view: View, answer: ShownAnswer) -> dict[str, Any]:
    status = {"state": STATES.get(answer.tone, "not-satisfied")}
    if answer.tone not in STATES:
        status["reason"] = "other"
        status["remarks"] = "could not be seen" if answer.tone is Tone.UNSEEN else "neither good nor bad"
    else:
        status["reason"] = "pass" if answer.tone is Tone.GOOD else "fail"
    return {
        "uuid": _id(view, f"finding {answer.name}"),
        "title": plain(answer.asked),
        "description": f"{answer.word}. {plain(answer.summary)}",
        "target": {"type": "objective-id", "target-id": answer.name, "status": status},
        "related-observations": [{"observation-uuid": _id(view, f"observation {answer.name}")}],
    }


def _resources(view: View) -> Iterator[dict[str, Any]]:
    yield {
        "uuid": _id(view, "profile"),
        "title": "Profile: what was exercised and what the product declares",
        "rlinks": [{"href": "evidence/profile.toml", "media-type": "application/toml"}],
    }
    for package in view.subject.packages[:200]:
        yield {
            "uuid": _id(view, f"package {package.name} {package.sha256}"),
            "title": plain(package.name, 200).strip() or "package",
            "description": "A package of the product that was examined.",
            "rlinks": [
                {"href": "#", "hashes": [{"algorithm": "SHA-256", "value": plain(package.sha256, 64)}]}
            ],
        }
    yield {
        "uuid": _id(view, "statement"),
        "title": "Signed statement: in-toto, with the digests of all evidence",
        "rlinks": [{"href": "statement.dsse.json", "media-type": "application/vnd.dsse.envelope.v1+json"}],
    }


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": plain(value, 200).strip() or "-"}


def _id(view: View, what: str) -> str:
    seed = "\0".join(
        (view.subject.name, view.subject.version, view.made, *(run.began for run in view.runs), what)
    )
    return str(uuid.uuid5(_SPACE, seed.encode("utf-8", "replace").decode()))


def _time(text: str) -> str:
    """ISO 8601 with a time zone, which OSCAL wants. Other text, of a damaged report, becomes the Epoch."""
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return "1970-01-01T00:00:00+00:00"
    return time.isoformat() if time.utcoffset() is not None else (time.isoformat() + "+00:00")
