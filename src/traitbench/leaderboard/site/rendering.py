"""The site's templates. Every text from a record is escaped; numbers have one form everywhere."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from jinja2 import Environment

from traitbench.leaderboard.site import svg
from traitbench.rendering import templates_of

NOT_RUN = "not run"
SAYS_LITTLE = "Most of its answers name no member of the category: the finding rests on the few that do."
_LANGUAGES = {"zh": "Chinese"}


def render(template: str, **values: Any) -> str:
    """A template of `templates/` as text."""
    return templates().get_template(template + ".j2").render(**values).rstrip() + "\n"


@lru_cache(maxsize=1)
def templates() -> Environment:
    found = templates_of("traitbench.leaderboard.site", autoescape=True)
    found.filters.update(
        signed=signed, number=number, span=span, signed_span=signed_span, size=size, words=words, slug=_slug
    )
    found.filters.update(asked_in=asked_in, infinite=math.isinf)
    found.globals.update(svg=svg, says_little=SAYS_LITTLE)
    return found


def words(text: str) -> str:
    """An id of the catalogue as words."""
    return text.replace("_", " ")


def asked_in(language: str) -> str:
    """`, asked in Chinese`; nothing for English, which is the rule."""
    return "" if language == "en" else f", asked in {_LANGUAGES.get(language, language)}"


def size(parameters: int | None) -> str:
    """`7.6B`, `124M`, `850k`, or `not declared`."""
    if parameters is None:
        return "not declared"
    for unit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if parameters >= unit:
            return f"{parameters / unit:.3g}{letter}"
    return str(parameters)


def number(value: float | None, form: str = ".3f") -> str:
    """A number, or that it was not run."""
    return NOT_RUN if value is None else format(value, form)


def _slug(text: str) -> str:
    return text.replace(" ", "-")


def signed(value: float | None) -> str:
    """A number with its sign, or that it was not run."""
    return NOT_RUN if value is None else _minus(f"{value:+.3f}")


def span(ci: tuple[float | None, float | None]) -> str:
    """An interval in words."""
    return f"{_end(ci[0], '.3f')} to {_end(ci[1], '.3f')}" if ci != (None, None) else "no interval"


def signed_span(ci: tuple[float | None, float | None]) -> str:
    """An interval of a difference, in words."""
    return f"{_end(ci[0], '+.3f')} to {_end(ci[1], '+.3f')}" if ci != (None, None) else "no interval"


def _end(value: float | None, form: str) -> str:
    return "open" if value is None else _minus(format(value, form))


def _minus(text: str) -> str:
    return text.replace("-", "−")
