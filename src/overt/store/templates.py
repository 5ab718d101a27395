"""Pages from templates, in one way for all: everything is escaped, and what is not defined is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates(
    folder: Path, filters: Mapping[str, Callable[..., Any]], finalize: Callable[[Any], Any] | None = None
) -> Environment:
    """The templates in `folder` with these filters; `finalize` makes whatever a template shows fit to be shown, before
    it is escaped. (Where `Markup` is shown, whoever made it answers for it.)"""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters |= filters
    return environment
