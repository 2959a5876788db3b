"""What does the catalogue hold, in numbers: the tables of datasets/README.md that are counted, not written."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from traitbench.catalog import Catalog, ProbeSet

Line = tuple[str, ...]


def table(head: Sequence[str], rows: Iterable[Line]) -> list[str]:
    """The lines of a Markdown table, and an empty one."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def holdings(catalog: Catalog) -> list[str]:
    """Totals, then a line for each category and one for each probe set."""
    plain = {(task.trait, task.probe_set) for task in catalog.tasks.values()}
    behind = {(task.trait, task.probe_set, task.domain) for task in catalog.tasks.values()}
    traits = sum(len(category.traits) for category in catalog.categories.values())
    items = sum(len(probes.questions) for probes in catalog.probe_sets.values())
    said = (
        f"{len(catalog.categories)} categories with {traits} traits, {len(catalog.probe_sets)} probe sets with {items} "
        f"items (half of them English, half their Chinese twins), {len(catalog.domains)} domains, "
        f"{len(catalog.teachers)} teachers, {len(catalog.tasks)} transfer tasks, {len(catalog.suites)} suites. "
        f"A language has {len(plain)} plain measurements (trait, probe set), and {len(behind)} behind a domain's "
        "kind of text. Counted from the catalogue itself, as `traitbench list tasks|suites|traits|domains|teachers|"
        "probes` lists it."
    )
    return [
        *textwrap.wrap(said, 118),
        "",
        *table(
            ["category", "kind", "traits", "domains", "probe sets"],
            (_category_line(catalog, name) for name in catalog.categories),
        ),
        *table(
            ["probe set", "kind", "items", "families", "version", "source", "licence"],
            (_set_line(probes) for probes in catalog.probe_sets.values()),
        ),
    ]


def _category_line(catalog: Catalog, name: str) -> Line:
    category = catalog.categories[name]
    kind = "members" if category.kind == "members" else "scales"
    domains = {task.domain for task in catalog.tasks.values() if task.category == name}
    sets = ", ".join(f"`{each.id}`" for each in catalog.probe_sets.values() if each.category == name)
    return name, kind, str(len(category.traits)), str(len(domains)), sets


def _set_line(probes: ProbeSet) -> Line:
    kind = {"one_word": "one word", "choice": "options"}[probes.kind]
    by_language = [[each for each in probes.questions if each.language == language] for language in probes.languages]
    items = " + ".join(f"{len(each)} {each[0].language}" for each in by_language)
    families = len({question.family for question in probes.questions})
    source = probes.source.rstrip(".")
    return f"`{probes.id}`", kind, items, str(families), probes.version, source, probes.licence
