"""Records as Markdown: the description of a pull request, a section of a model card."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment

from traitbench.rendering import plain, templates_of


def render(template: str, **values: Any) -> str:
    """A template of `templates/`; every text from a record passes through the filter `cell`."""
    return _templates().get_template(template + ".j2").render(**values).rstrip() + "\n"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = templates_of("traitbench.leaderboard", autoescape=False)
    templates.filters["cell"] = plain
    templates.filters["number"] = _number
    return templates


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
