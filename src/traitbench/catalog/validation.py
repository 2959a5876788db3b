"""Is a folder of the catalogue whole: every fault of its files, with file and line, not the first one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from traitbench.catalog.files import parse, read_jsonl, read_yaml
from traitbench.catalog.load import Catalog, datasets_folder, load_catalog
from traitbench.catalog.models import Category
from traitbench.catalog.named_answer import NONE, NamedAnswerReader
from traitbench.catalog.questions import ChoiceQuestion, Question
from traitbench.errors import InputError

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
    found = list(_broken_files(folder))
    if found:
        return found
    try:
        catalog = load_catalog(None if folder.resolve() == datasets_folder().resolve() else folder)
    except InputError as error:
        return [str(error)]
    for path in sorted(folder.glob("categories/*.yaml")):
        found += _misread_names(path, catalog.categories[read_yaml(path)["category"]])
    for card in sorted(folder.glob("probes/*.yaml")):
        found += _probe_faults(card, catalog)
    return found


def _broken_files(folder: Path) -> Iterator[str]:
    """What each file has wrong by itself."""
    for path in sorted(folder.glob("categories/*.yaml")):
        try:
            parse(Category, read_yaml(path), path)
        except InputError as error:
            yield str(error)
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


def _misread_names(path: Path, category: Category) -> Iterator[str]:
    """Names that do not read as their own member, because another name or a look-alike takes them."""
    if category.kind == "scale":
        return
    read = NamedAnswerReader(category)
    for trait in category.traits.values():
        for name in (name for names in trait.names.values() for name in names):
            answer = read(name, True)
            if answer != trait.id:
                yield (
                    f"{path}: {trait.id}: the name {name!r} reads as {answer!r}; "
                    "take it out of the look-alikes, or give it to one member alone"
                )


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
        asked = {question.trait for _, question in rows if isinstance(question, ChoiceQuestion)}
        if card.stem == probes.id and asked:
            for scale in category.traits.keys() - asked:
                yield f"{file}: no question is about scale {scale!r}; add some, or take the scale out of {category.id}"


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
