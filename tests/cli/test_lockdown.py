"""After lock-down no module can be loaded that has machine code: the sinks must have everything by then."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMON = """
import importlib, io, sys
from overt.cli.render.output import Output
from overt.cli.render.tally import Tally
from overt.scan.request import Progress, Request
from tests.cli import reports
sys.stdout = io.TextIOWrapper(io.BytesIO())
tally, stream = Tally(), io.StringIO()
{sink}
before = set(sys.modules)
if sink.shows_progress:
    sink.progress(Progress(1, 1, 2, 2, 0.1))
reports.tell(tally, sink)
print(sorted(set(sys.modules) - before), file=sys.stderr)
"""
SINKS = {
    "csv": "from overt.cli.render import csv; sink = csv.make(reports.output(io.BytesIO(), tally))",
    "html": "from overt.cli.render import html; sink = html.make(reports.output(io.BytesIO(), tally))",
    "json": "from overt.cli.render import jsonl; sink = jsonl.make(reports.output(io.BytesIO(), tally))",
    "sarif": "from overt.cli.render import sarif; sink = sarif.make(reports.output(io.BytesIO(), tally))",
    "bar": "from overt.cli.render.bar import Bar; sink = Bar(stream)",
    "human": "from overt.cli.render.human import Human; sink = Human(stream, stream.write, tally, verbose=True)",
    "explain": "from overt.cli.render.explanation import Explanation; from tests.payload import pack; "
    "sink = Explanation(pack())",
    "explain json": "from overt.cli.render.explanation import JsonExplanation; from tests.payload import pack; "
    "sink = JsonExplanation(pack())",
}


@pytest.mark.parametrize("name", SINKS)
def test_a_sink_loads_nothing_once_it_is_made(name: str) -> None:
    code = COMMON.format(sink=SINKS[name])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["[]"]
