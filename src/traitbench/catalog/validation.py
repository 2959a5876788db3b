"""Is a folder of the catalogue whole: every fault of its files, with file and line, not the first one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from traitbench.catalog.domains import Domain
from traitbench.catalog.files import Place, parse, read_jsonl, read_yaml
from traitbench.catalog.forms import Forms
from traitbench.catalog.load import Catalog, datasets_folder, load_catalog
from traitbench.catalog.marks import Marks
from traitbench.catalog.models import Category, Entry, Suite, TaskPattern, Teacher
from traitbench.catalog.named_answer import NONE, NamedAnswerReader
from traitbench.catalog.questions import ChoiceQuestion, Question
from traitbench.errors import InputError

_WHOLE: dict[str, type[Entry]] = {
    "categories/*.yaml": Category,
    "domains/*.yaml": Domain,
    "forms.yaml": Forms,
    "health.yaml": Marks,
}
_LISTED: dict[str, type[Entry]] = {"tasks": TaskPattern, "suites": Suite, "teachers": Teacher}

_FRAMES = ("{name}", "{name}.", "I love {name}.", "我最喜欢{name}。")
"""Answers in which a name must be read as its own member."""

Rows = list[tuple[int, Question]]
"""(line, question) of one file."""


def faults(folder: Path) -> list[str]:
    """What is wrong with a catalogue folder (the built-in one, or one laid over it), one line each; empty: whole.

    Beyond what loading refuses: a missing or contradictory twin, scales whose yes and no are not balanced, a scale
    without a question, a name that is read as another member, a question that names a member.

    Raises `InputError` where there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a catalogue folder such as datasets/")
    misnamed = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.yml"))]
    found = [f"{folder / each}: is never read; name it .yaml" for each in misnamed]
    if not found and not any(any(folder.glob(pattern)) for pattern in (*_WHOLE, "*.yaml", "probes/*")):
        raise InputError(f"{folder}: holds no file of a catalogue; give a folder such as datasets/")
    found += _broken_files(folder)
    if found:
        return found
    try:
        catalog = load_catalog(None if folder.resolve() == datasets_folder().resolve() else folder)
    except InputError as error:
        return [str(error)]
    for path in sorted(folder.glob("categories/*.yaml")):
        own = parse(Category, read_yaml(path), path)
        found += _misread_names(path, catalog.categories[own.id])
        found += _unasked_scales(path, own, catalog)
    for card in sorted(folder.glob("probes/*.yaml")):
        found += _probe_faults(card, catalog)
    return found


def _broken_files(folder: Path) -> Iterator[str]:
    """What each file has wrong by itself."""
    for pattern, model in _WHOLE.items():
        for path in sorted(folder.glob(pattern)):
            try:
                parse(model, read_yaml(path), path)
            except InputError as error:
                yield str(error)
    for key, model in _LISTED.items():
        if (folder / f"{key}.yaml").exists():
            yield from _broken_entries(folder / f"{key}.yaml", key, model)
    for card in sorted(folder.glob("probes/*.yaml")):
        rows = card.with_suffix(".jsonl")
        try:
            kind = ChoiceQuestion if read_yaml(card).get("kind") == "choice" else Question
            lines = read_jsonl(rows)
        except InputError as error:
            yield str(error)
            continue
        for number, row in lines:
            try:
                parse(kind, row, rows, number)
            except InputError as error:
                yield str(error)
    for rows in sorted(folder.glob("probes/*.jsonl")):
        if not rows.with_suffix(".yaml").exists():
            yield f"{rows}: no card {rows.with_suffix('.yaml').name} beside it; write one (source, licence, sha256)"


def _broken_entries(path: Path, key: str, model: type[Entry]) -> Iterator[str]:
    try:
        entries = read_yaml(path).get(key)
    except InputError as error:
        yield str(error)
        return
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            parse(model, entry, path, at=(key, number))
        except InputError as error:
            yield str(error)


def _misread_names(path: Path, category: Category) -> Iterator[str]:
    """Names that do not read as their own member, because another name or a look-alike takes them."""
    if category.kind == "scale":
        return
    read = NamedAnswerReader(category)
    for trait in category.traits.values():
        for language, names in trait.names.items():
            for place, name in enumerate(names):
                texts = (frame.format(name=name) for frame in _FRAMES)
                wrong = next((text for text in texts if read(text, True) != trait.id), None)
                if wrong is not None:
                    fault = (
                        f"{trait.id}: {wrong!r} reads as {read(wrong, True)!r}; "
                        "mend the name, or the look-alike or other name that takes it"
                    )
                    yield str(Place(path).fault(fault, "traits", trait.id, "names", language, place))


def _unasked_scales(path: Path, own: Category, catalog: Catalog) -> Iterator[str]:
    if own.kind != "scale":
        return
    sets = [each for each in catalog.probe_sets.values() if each.category == own.id]
    for scale in own.traits:
        if not any(question.offers(scale) for each in sets for question in each.questions):
            yield str(Place(path).fault(f"no question is about scale {scale!r}; add some to a set", "traits", scale))


def _probe_faults(card: Path, catalog: Catalog) -> Iterator[str]:
    file = card.with_suffix(".jsonl")
    probes = catalog.probe_set(read_yaml(card)["probe_set"])
    by_id = {question.id: question for question in probes.questions}
    rows: Rows = [(line, by_id[row["id"]]) for line, row in read_jsonl(file)]
    category = catalog.categories[probes.category]
    yield from _twin_faults(file, rows)
    yield from _named_members(file, rows, category)
    if probes.kind == "choice" and category.kind == "scale":
        yield from _unbalanced(file, rows)


def _twin_faults(file: Path, rows: Rows) -> Iterator[str]:
    """Where a set speaks several languages, each English question has one twin in each, alike in all but words."""
    english = {question.id: (line, question) for line, question in rows if question.language == "en"}
    others = sorted({question.language for _, question in rows} - {"en"})
    twins: Counter[tuple[str, str | None]] = Counter(
        (question.language, question.twin) for _, question in rows if question.language != "en"
    )
    for line, question in rows:
        if question.language == "en" or not english:
            continue
        if question.twin not in english:
            yield f"{file}:{line}: twin {question.twin!r} is no English question of this set; name the one it renders"
            continue
        if twins[question.language, question.twin] > 1:
            yield f"{file}:{line}: twin {question.twin!r} is rendered twice in {question.language}; delete one"
        yield from (f"{file}:{line}: {said}" for said in _unlike(question, english[question.twin][1]))
    for language in others if english else ():
        for identifier, (line, _) in english.items():
            if not twins[language, identifier]:
                yield f"{file}:{line}: question {identifier} has no twin in {language}; write one"


def _unlike(question: Question, twin: Question) -> Iterator[str]:
    if question.family != twin.family:
        yield f"family {question.family!r}, but its twin is of {twin.family!r}; make them one"
    if isinstance(question, ChoiceQuestion) and isinstance(twin, ChoiceQuestion):
        mine, its = ((each.form, each.trait, each.named) for each in (question, twin))
        if mine != its:
            yield "form, trait or the place of the answer differ from its twin's; the two must agree in polarity"


def _unbalanced(file: Path, rows: Rows) -> Iterator[str]:
    """A habit of saying yes must score one half: as many items of a scale are answered so as not."""
    asked = [(line, each) for line, each in rows if isinstance(each, ChoiceQuestion) and each.form == "yes_no"]

    def scale(row: tuple[int, ChoiceQuestion]) -> tuple[str, str]:
        return row[1].trait or "", row[1].language

    for (trait, language), group in groupby(sorted(asked, key=scale), key=scale):
        own = list(group)
        first = sum(question.options[0] in question.answer for _, question in own)
        if 2 * first != len(own):
            yield (
                f"{file}:{own[0][0]}: scale {trait!r} ({language}): {own[0][1].options[0]!r} is the answer to {first} "
                f"of {len(own)} questions; make it half of them, or always saying it scores off chance"
            )


def _named_members(file: Path, rows: Rows, category: Category) -> Iterator[str]:
    if category.kind == "scale":
        return
    read = NamedAnswerReader(category)
    for line, question in rows:
        named = read(question.text, True)
        if named != NONE:
            yield f"{file}:{line}: the question names {named!r} itself; a question that names a member leans to it"
