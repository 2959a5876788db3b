"""Records as Markdown: the description of a pull request, a section of a model card."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """A template of `templates/`; every text from a record passes through the filter `cell`."""
    return _templates().get_template(template + ".j2").render(**values).rstrip() + "\n"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("traitbench.leaderboard", "templates"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["cell"] = plain
    templates.filters["number"] = _number
    return templates


def plain(text: object) -> str:
    """Text from a record as Markdown shows it and never obeys it: one line, its marks escaped."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return re.sub(r"([\\`*_<>\[\]#|!~&@])", r"\\\1", line)


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
