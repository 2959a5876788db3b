"""The templates of reports, records and pages, and how text that somebody else wrote is put into Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates_of(package: str, autoescape: bool | Callable[[str | None], bool]) -> Environment:
    """The folder `templates/` of a package; a name that a template does not know is an error."""
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def plain(text: object) -> str:
    """Text from a card or a record as Markdown shows it and never obeys it: one line, its marks escaped."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return re.sub(r"([\\`*_<>\[\]#|!~&@])", r"\\\1", line)
