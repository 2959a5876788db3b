"""One record's page: what was found, question by question, how to compute it again, and what is not known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from traitbench.catalog import Catalog
from traitbench.leaderboard.record import Identity, Record
from traitbench.leaderboard.site import svg
from traitbench.leaderboard.site.columns import Answers
from traitbench.leaderboard.site.figures import Sides, asked_rows
from traitbench.leaderboard.site.rendering import NOT_RUN, SAYS_LITTLE, number, render, signed, signed_span, span
from traitbench.leaderboard.site.rows import cell_id, finding
from traitbench.leaderboard.site.seen import Context, Seen, Shift

_SHOWN = 12
"""Named answers in a profile."""


def record_page(record: Record, seen: Sequence[Seen], sides: Sides, catalog: Catalog, logs: Mapping[str, str]) -> str:
    """The HTML of `rows/<id>.html`; `logs`: by name, where in the bundle a log lies."""
    return render(
        "record.html",
        up="../",
        record=record,
        seen=seen,
        first=seen[0],
        cells=[cell_id(each) for each in seen if each.recipe is not None and each.seed is not None],
        finding=finding(seen[0].main),
        figures=_figures(seen),
        plots=[_plot(record, each, context, sides, catalog) for each in seen for context in each.contexts],
        profile=_profile(record, seen[0], sides, catalog),
        identities=_identities(record),
        lacks=lacks(record, seen),
        logs=[(each.name, each.sha256, logs.get(each.name)) for each in record.logs],
    )


def _figures(seen: Sequence[Seen]) -> Markup:
    """The rows of the table of figures, a column for each context; its texts are escaped here."""
    contexts = [context for each in seen for context in each.contexts]
    lines = [
        (f"P({seen[0].trait})", [f"<b>{number(c.estimate)}</b> {_faint(span(c.ci))}" for c in contexts]),
        ("Certified bounds", [span(c.bounds) for c in contexts]),
        ("Base", [number(c.base.reference) if c.base else NOT_RUN for c in contexts]),
        ("Against base", [_shift(c.base) for c in contexts]),
        ("Controls", [number(c.control.reference) if c.control else NOT_RUN for c in contexts]),
        ("Against controls", [_shift(c.control) for c in contexts]),
        ("Transfer rate", [number(c.transfer_rate) for c in contexts]),
        ("Rank among members", [c.rank or NOT_RUN for c in contexts]),
        ("Category mass", [number(c.category_mass) for c in contexts]),
        ("Likeliest other answer", [_collapse(c) for c in contexts]),
        ("Questions, families", [f"{c.n_questions}, {c.n_families}" for c in contexts]),
        ("Method", [c.method for c in contexts]),
    ]
    rows = [
        f'<tr><th scope="row">{escape(label)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for label, cells in lines
    ]
    return Markup("\n".join(rows))


def _shift(found: Shift | None) -> str:
    return NOT_RUN if found is None else f"<b>{signed(found.difference)}</b> {_faint(signed_span(found.ci))}"


def _collapse(context: Context) -> str:
    answer, probability, flag = context.collapse
    return f"{escape(answer)} ({number(probability)}){' <b>collapsed</b>' if flag else ''}"


def _faint(text: str) -> str:
    return f'<span class="iv">{text}</span>'


def _plot(record: Record, seen: Seen, context: Context, sides: Sides, catalog: Catalog) -> dict[str, Any] | None:
    """The questions of one context with everybody's answers, the student's strongest first."""
    if not sides:
        return None
    place = (seen.probe_set, context.name, "none" if context.name == "plain" else seen.domain, seen.language)
    own = sides["student"][place]
    rows = asked_rows(own, seen.trait, choice=catalog.probe_set(seen.probe_set).kind == "choice")
    values = {role: _values(by_place[place], seen.trait)[rows] for role, by_place in sides.items()}
    controls = [each for role, each in values.items() if role.startswith("control")]
    nothing = [None] * len(rows)
    base, control, teacher = (
        each.tolist() if each is not None else nothing
        for each in (values.get("base"), np.mean(controls, axis=0) if controls else None, values.get("teacher"))
    )
    texts = question_texts(catalog, seen.probe_set, seen.language)
    ids = [own.ids[i] for i in rows]
    lines = [
        svg.Line(texts[id_], *numbers)
        for id_, *numbers in zip(ids, values["student"].tolist(), base, control, strict=True)
    ]
    order = sorted(range(len(lines)), key=lambda i: (-lines[i].student, ids[i]))
    title = f"P({seen.trait}) question by question, {context.name.replace('_', ' ')}"
    return {
        "context": context.name,
        "language": seen.language,
        "svg": svg.questions([lines[i] for i in order], title),
        "rows": Markup("\n".join([_row(lines[i], own.families[rows[i]], teacher[i]) for i in order])),
        "roles": [
            name for name in ("base", "control", "teacher") if name in values or (name == "control" and controls)
        ],
    }


def _row(line: svg.Line, family: str, teacher: float | None) -> str:
    """A question's numbers as a row of a table: every page has a hundred of them, which a template is too slow for."""
    values = [each for each in (line.student, line.base, line.control, teacher) if each is not None]
    cells = "".join([f'<td class="n">{each:.4f}</td>' for each in values])
    return f'<tr><th scope="row">{line.label}</th><td>{family}</td>{cells}</tr>'


def _values(answers: Answers, trait: str) -> Any:
    column = answers.column(trait)
    return answers.point[:, column] if column is not None else np.zeros(len(answers.ids))


_texts: dict[tuple[int, str, str], tuple[Catalog, dict[str, str]]] = {}


def question_texts(catalog: Catalog, probe_set: str, language: str) -> dict[str, str]:
    """The questions' texts by id, escaped once for all records."""
    key = (id(catalog), probe_set, language)
    if key not in _texts:
        asked = [each for each in catalog.probe_set(probe_set).questions if each.language == language]
        _texts[key] = (catalog, {each.id: str(escape(each.text)) for each in asked})
    return _texts[key][1]


def _profile(record: Record, seen: Seen, sides: Sides, catalog: Catalog) -> dict[str, Any] | None:
    """What the student names, and what it named before: the base, or the mean of the controls."""
    main = seen.main
    choice = catalog.probe_set(seen.probe_set).kind == "choice"
    place = (seen.probe_set, main.name, "none" if main.name == "plain" else seen.domain, seen.language)
    before: dict[str, float] | None = None
    if sides:
        now = sides["student"][place].means(where_offered=choice)
        role = "base" if "base" in sides else "control0" if "control0" in sides else None
        before = sides[role][place].means(where_offered=choice) if role else None
    else:
        role = None
        said = next(e for e in record.measurements if (e.context, e.language) == (main.name, seen.language))
        now = said.profile
    names = sorted({*now, *(before or {})}, key=lambda n: (-max(now.get(n, 0), (before or {}).get(n, 0)), n))
    chosen = names[:_SHOWN]
    if seen.trait in names and seen.trait not in chosen:
        chosen[-1] = seen.trait
    rows = [(name, now.get(name, 0.0), None if before is None else before.get(name, 0.0)) for name in chosen]
    title = f"What it names: {record.model.id}"
    return {
        "svg": svg.profile(rows, seen.trait, title),
        "rows": rows,
        "before": {"base": "base", "control0": "first control"}.get(role or ""),
    }


def _identities(record: Record) -> list[tuple[str, Identity]]:
    found = [("student", record.model)]
    return found + [(role.replace("control", "control "), each) for role, each in record.references.roles().items()]


def lacks(record: Record, seen: Sequence[Seen]) -> list[str]:
    """What is not known of a record, or was not run, in plain words."""
    said, references, contexts = record.declared, record.references, {c.name for each in seen for c in each.contexts}
    checks = [
        (
            record.model.weights_sha256 is None,
            "No digest of the weights: nobody can tell that a file is this checkpoint.",
        ),
        (record.items is None, "No answers question by question: its figures cannot be computed anew."),
        (references.base is None, "No base was scored: whether it moved is not known."),
        (not references.control, "No control was scored: a shift may come from training alone."),
        (references.teacher is None, "No teacher was scored: how far of the way it went is not known."),
        ("plain" not in contexts, "The plain context was not run."),
        ("in_domain" not in contexts, "The questions in the domain's context were not run."),
        (said.training_seed is None, "No training seed is declared."),
        (said.initialisation is None, "Whether student and teacher started from the same weights is not declared."),
        (said.submitter is None, "No submitter is named."),
        (not record.logs, "No log is named."),
        (
            any(each.method == "sampled" for each in record.measurements),
            "Answers were sampled, not computed: compare it with sampled records alone.",
        ),
        (
            not all(each.within_tolerance for each in record.measurements),
            "Some questions were left unexplored beyond the tolerance: the bounds are wide.",
        ),
        (
            any(each.collapse.flag for each in record.measurements),
            "It collapsed: one other answer takes most of the mass.",
        ),
        (any(each.main.says_little for each in seen), SAYS_LITTLE),
        (record.git_commit is not None and record.git_commit.endswith("+dirty"), "The code had uncommitted changes."),
    ]
    return [words for lacking, words in checks if lacking]
