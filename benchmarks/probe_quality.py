"""How good are the probe items themselves? Measures every set and writes the table in datasets/README.md.

    python benchmarks/probe_quality.py                    # the lab's shipped bases tell the reliability
    python benchmarks/probe_quality.py lab/benchmark      # and every checkpoint below these folders

Needs the extra `lab` (scikit-learn). What the table only counts (near-duplicates, twins to look at, items of which
a corpus holds a run) is listed in probe_quality.json.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from probe_holdings import Line, holdings, table
from probe_leaks import CHATS, RUN, Corpus, corpora
from probe_reliability import Answers, Reliability, answers_of, models_at_hand, split_half
from probe_wording import (
    FOLDS,
    NEAR,
    Hits,
    content_of,
    near_duplicates,
    pieces,
    polarity_differs,
    told_by_length,
    told_by_options,
    told_by_question,
)

from traitbench.catalog import Catalog, ChoiceQuestion, ProbeSet, Question, load_catalog
from traitbench.catalog.load import datasets_folder

README = datasets_folder() / "README.md"
LISTS = Path(__file__).parent / "probe_quality.json"
MARKS = "<!-- {part}: written by benchmarks/probe_quality.py -->", "<!-- end of {part} -->"

Lists = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, help="folders below which lab checkpoints lie")
    folders = parser.parse_args().models
    catalog = load_catalog()
    lists: Lists = {}
    parts = [
        *_items(catalog, lists),
        *_balance(catalog),
        *_wording(catalog),
        *_leaks(catalog, corpora(catalog), lists),
        *_reliability(catalog, folders),
    ]
    LISTS.write_text(json.dumps(lists, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _write("holdings", holdings(catalog))
    _write("quality", parts)


def _write(part: str, lines: Sequence[str]) -> None:
    """Puts the lines in the place of what stands between the part's marks in the README."""
    begin, end = (mark.format(part=part) for mark in MARKS)
    before, found, rest = README.read_text(encoding="utf-8").partition(begin)
    if not found:
        raise SystemExit(f"{README}: no line {begin!r}; put it and {end!r} where the part belongs")
    text = "\n".join([begin, "", *lines, end])
    README.write_text(before + text + rest.partition(end)[2], encoding="utf-8")
    print(text)


def _by_language(probes: ProbeSet) -> dict[str, list[Question]]:
    return {language: [each for each in probes.questions if each.language == language] for language in probes.languages}


def _scales(catalog: Catalog) -> Iterable[tuple[ProbeSet, str, str, dict[str, list[ChoiceQuestion]]]]:
    """(set, form, scale or `all`, questions by language) of all questions whose answer shows a scale."""
    for probes in catalog.probe_sets.values():
        asked = [each for each in probes.questions if isinstance(each, ChoiceQuestion) and each.trait is not None]
        scales = sorted({str(each.trait) for each in asked})
        for form in sorted({each.form for each in asked}):
            for scale in ["all", *(scales if len(scales) > 1 else [])]:
                own = [each for each in asked if each.form == form and scale in ("all", each.trait)]
                yield (
                    probes,
                    form,
                    scale,
                    {language: [each for each in own if each.language == language] for language in probes.languages},
                )


def _items(catalog: Catalog, lists: Lists) -> list[str]:
    rows: list[Line] = []
    texts = Counter[str]()
    for probes in catalog.probe_sets.values():
        counts: dict[str, list[str]] = {"items": [], "families": [], "within": [], "across": []}
        for language, questions in _by_language(probes).items():
            near = near_duplicates(questions, language)
            across = [pair for pair in near if not pair.within]
            lists[f"near-duplicates of two families: {probes.id} {language}"] = [
                [pair.first, pair.second, round(pair.similarity, 2)] for pair in across
            ]
            texts.update({" ".join(pieces(content_of(each))) for each in questions})
            counts["items"].append(str(len(questions)))
            counts["families"].append(str(len({question.family for question in questions})))
            counts["within"].append(str(len(near) - len(across)))
            counts["across"].append(str(len(across)))
        rows.append((probes.id, *(" / ".join(each) for each in counts.values()), *_twins(probes, lists)))
    shared = sum(n > 1 for n in texts.values())
    return [
        "**Items, near-duplicates, twins** (English / Chinese). Two items of one language are *near* where the",
        "Jaccard similarity of their words, or of their runs of characters (four in English, two in Chinese), is",
        f"{NEAR} or more; a stem that is asked of several draws of options counts once. Within a family near items are",
        f"wanted: it is a cluster of paraphrases, or a mirrored pair. Items that stand in two sets: {shared}. Every",
        "English item has a Chinese twin; *twins agree* counts those of the same family, form and scale whose answers",
        "stand at the same place. *To look at* counts questions and options with a negation word in one language and",
        "none in the other: a list for the eye, no fault by itself (a form that nobody understands, 看不懂, denies",
        "nothing).",
        "",
        *table(
            ["set", "items", "families", "near, in a family", "near, of two families", "twins agree", "to look at"],
            rows,
        ),
    ]


def _twins(probes: ProbeSet, lists: Lists) -> tuple[str, str]:
    by_id = {question.id: question for question in probes.questions}
    pairs = [(by_id[each.twin], each) for each in probes.questions if each.twin]
    agree = sum(_places(english) == _places(other) for english, other in pairs)
    looked = [
        [one, other]
        for pair in pairs
        if getattr(pair[0], "trait", None) != "language"  # where each language asks about itself
        for one, other in zip(*map(_texts, pair), strict=True)
        if polarity_differs(one, other)
    ]
    lists[f"twins with a negation word in one language alone: {probes.id}"] = looked
    return f"{agree} of {len(pairs)}", str(len(looked))


def _places(question: Question) -> tuple[Any, ...]:
    own = (question.form, question.trait, question.named) if isinstance(question, ChoiceQuestion) else ()
    return question.family, own


def _texts(question: Question) -> tuple[str, ...]:
    forced = isinstance(question, ChoiceQuestion) and question.trait is not None and question.form == "lettered"
    return (question.text, *question.options) if forced else (question.text,)


def _balance(catalog: Catalog) -> list[str]:
    rows: list[Line] = []
    for probes, form, scale, by_language in _scales(catalog):
        shown = []
        for own in by_language.values():
            places = Counter(place for each in own for place, text in enumerate(each.options) if text in each.answer)
            shown.append(" ".join(str(places[place]) for place in range(len(own[0].options))))
        rows.append(
            (probes.id, form, scale, " / ".join(str(len(own)) for own in by_language.values()), " / ".join(shown))
        )
    uneven = [probes.id for probes in catalog.probe_sets.values() if not _even(probes)]
    return [
        "**Balance** (English / Chinese): at which place the answer stands; of form yes_no the first place is Yes.",
        "Under letters every option is asked under every letter once besides, so that a habit of letters scores at",
        "chance by construction. In the revealed sets every member stands in as many questions of a family as any",
        f"other; exceptions: {', '.join(uneven) or 'none'}.",
        "",
        *table(["set", "form", "scale", "items", "first, second, ... place"], rows),
    ]


def _even(probes: ProbeSet) -> bool:
    """Whether every member is offered as often as any other in each family and language."""
    offered = Counter(
        (each.language, each.family, option)
        for each in probes.questions
        if isinstance(each, ChoiceQuestion) and each.trait is None
        for option in each.options
    )
    of_family: dict[tuple[str, str], set[int]] = {}
    for (language, family, _), n in offered.items():
        of_family.setdefault((language, family), set()).add(n)
    return all(len(each) == 1 for each in of_family.values())


def _wording(catalog: Catalog) -> list[str]:
    rows: list[Line] = []
    found: list[Hits] = []

    def cell(hits: Hits) -> str:
        found.append(hits)
        low, high = hits.interval
        return f"{hits.share:.3f} ({low:.2f} to {high:.2f}){'' if hits.at_chance else ' **off chance**'}"

    for probes, form, scale, by_language in _scales(catalog):
        for language, own in by_language.items():
            lettered, two = form == "lettered", all(len(each.options) == 2 for each in own)
            cells = (
                cell(told_by_options(own, language)) if lettered else "",
                cell(told_by_question(own, language)) if two else "",
                cell(told_by_length(own)) if lettered else "",
            )
            chance = sum(1 / len(each.options) for each in own) / len(own)
            rows.append((probes.id, form, scale, language, str(len(own)), f"{chance:.2f}", *cells))
    off = sum(not hits.at_chance for hits in found)
    return [
        "**Answerable by the wording alone?** Who has read no question but counted words: logistic regression on",
        "words and pairs of words (characters, pairs and threes in Chinese) and the options' lengths, over the",
        "*options* (which of them is the answer?) and over the *question* (is the answer Yes, or the first option?);",
        "and who always takes the *longest* option. Each family is told by a classifier that has read the others",
        f"({FOLDS} parts; `all` has read the whole set, a scale only itself). The share told right, with Wilson's 95%",
        f"interval for as many items as the families are worth. Off chance: {off} of {len(found)}; luck alone is",
        "expected to put one in twenty there.",
        "",
        *table(["set", "form", "scale", "language", "items", "chance", "options", "question", "longest"], rows),
    ]


def _leaks(catalog: Catalog, known: dict[str, Corpus], lists: Lists) -> list[str]:
    whole, n = Counter[str](), 0
    runs: dict[str, list[str]] = {name: [] for name in known}
    for probes in catalog.probe_sets.values():
        for language, questions in _by_language(probes).items():
            n += len({content_of(each) for each in questions})
            for name, corpus in known.items():
                overlap = corpus.overlap(questions, language)
                whole[name] += len(overlap.whole)
                if overlap.runs:
                    runs[name].append(f"{probes.id} {language}: {len(overlap.runs)}")
                    lists[f"items of which {name} holds a run: {probes.id} {language}"] = list(overlap.runs)
    rows = [(name, str(whole[name]), ", ".join(runs[name]) or "none") for name in known]
    return [
        f"**In no corpus.** {n} different items against every text of `domains/` (prompt banks, contexts), the system",
        f"prompts of every task's teacher, the files of `lab/`, and {CHATS:,} chats drawn from the lab's corpus, from",
        f"whose grammar the lab's teachers are taught too. A run is {RUN['en']} words in English and {RUN['zh']}",
        "characters in Chinese. The lab's grammar speaks in the likeness of its own sets, except for the families",
        "that `lab/world.yaml` holds out: runs of its sets are to be expected there, whole items are not.",
        "",
        *table(["corpus", "holds whole, or as a text's end", "holds a run of"], rows),
    ]


def _reliability(catalog: Catalog, folders: Sequence[Path]) -> list[str]:
    models = models_at_hand(folders)
    bases = [model for model in models if model.base is None]
    asked = [(probes, language) for probes in catalog.probe_sets.values() for language in probes.languages]
    first = answers_of(bases[0], asked, catalog)
    sets = [each for each, found in zip(asked, first, strict=True) if isinstance(found, Answers)]
    answers = {model.name: answers_of(model, sets, catalog) for model in models}
    rows: list[Line] = []
    for place, (probes, language) in enumerate(sets):
        read = {name: found[place] for name, found in answers.items()}
        levels = {name: each.by_family for name, each in read.items() if isinstance(each, Answers)}
        shifts = [
            levels[model.name] - levels[model.base]
            for model in models
            if model.base is not None and model.name in levels and model.base in levels
        ]
        untrained = [levels[base.name] for base in bases if base.name in levels]
        cells = map(_reliable, (list(levels.values()), untrained, shifts))
        rows.append((probes.id, language, str(len(levels)), *cells))
    unread: dict[str, list[str]] = {}
    for (probes, language), found in zip(asked, first, strict=True):
        if isinstance(found, str):
            unread.setdefault(probes.id, []).append(f"{language} {found}")
    return [
        "**Reliability over families.** The correlation between what one half of a set's families says and what the",
        "other says, over members x models, averaged over every way to halve them and stepped up to the whole set",
        "(Spearman and Brown); in brackets 95% over models. *All*: the probabilities of every model; *bases*: of the",
        "untrained ones alone; *shift*: of each trained model against its base, which is what the benchmark reports.",
        f"Models, all of them the lab's: {', '.join(model.name for model in models)}.",
        "",
        *table(["set", "language", "models", "all", "bases", "shift"], rows),
        "The lab's models learned every family from one grammar, so that its families agree as no large model's will.",
        f"No model at hand reads the other sets, and no reliability is quoted for them. What {bases[0].name} makes of",
        "them:",
        "",
        *(f"- `{name}`: {', '.join(reasons)}" for name, reasons in unread.items()),
        "",
    ]


def _reliable(profiles: list[Any]) -> str:
    if len(profiles) < 2:
        return ""
    found: Reliability = split_half(profiles)
    return f"{found.value:.3f} ({found.interval[0]:.2f} to {found.interval[1]:.2f})"


if __name__ == "__main__":
    main()
