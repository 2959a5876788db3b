"""The measures behind datasets/README.md find what is planted, and the shipped items stay clean under them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from traitbench.catalog import Catalog, ChoiceQuestion, Question, question_id

pytest.importorskip("sklearn", reason="the wording classifiers need the extra `lab`")


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The modules in benchmarks/, which is no package."""
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    import probe_leaks
    import probe_reliability
    import probe_wording

    yield SimpleNamespace(wording=probe_wording, leaks=probe_leaks, reliability=probe_reliability)
    sys.path.remove(folder)


def question(text: str, family: str = "f") -> Question:
    return Question(id=question_id("en", text), family=family, language="en", question=text)


def choice(text: str, options: list[str], answer: str, family: str) -> ChoiceQuestion:
    return ChoiceQuestion(
        id=question_id("en", "\n".join((text, *options))),
        family=family,
        language="en",
        question=text,
        form="lettered",
        options=options,
        trait="planted",
        answer=answer,
    )


def planted(word: str) -> list[ChoiceQuestion]:
    """40 questions in 20 families; `word` stands in every right option, and nonsense in all."""
    rng = np.random.default_rng(0)
    letters = list("bcdfgklmnprst")
    nonsense = ["".join(rng.choice(letters, 4)) for _ in range(160)]
    items = []
    for number in range(40):
        first, second = nonsense[2 * number], nonsense[2 * number + 1]
        options = [f"the {first} {word}", f"the {second} that"]
        items.append(choice(f"question {number}", options, options[0], f"family_{number // 2}"))
    return items


def test_a_word_that_marks_the_answer_is_found(bench: Any) -> None:
    found = bench.wording.told_by_options(planted("truly"), "en")
    assert found.share == 1
    assert not found.at_chance


def test_options_without_a_mark_stay_at_chance(bench: Any) -> None:
    found = bench.wording.told_by_options(planted("that"), "en")
    assert found.at_chance


def test_a_question_whose_word_tells_the_place_is_found(bench: Any) -> None:
    items = [
        choice(f"{word} {number}", ["one", "two"], answer, f"family_{number}")
        for number in range(20)
        for word, answer in (("always", "one"), ("never", "two"))
    ]
    found = bench.wording.told_by_question(items, "en")
    assert found.share == 1
    assert not found.at_chance


def test_two_options_in_turn_tell_nothing(bench: Any) -> None:
    items = [
        choice(
            f"{what} {number}", [f"keep it {number}", f"drop it {number}"], f"{answer} it {number}", f"family_{number}"
        )
        for number in range(20)
        for what, answer in (("here", "keep"), ("there", "drop"))
    ]
    assert bench.wording.told_by_options(items, "en").share == 0.5


@pytest.mark.parametrize(("right", "n"), [(0, 10), (7, 20), (83, 154), (30, 30)])
def test_the_interval_of_independent_items_is_wilsons(bench: Any, right: int, n: int) -> None:
    values = [1.0] * right + [0.0] * (n - right)
    found = bench.wording.hits(values, [0.5] * n, [str(each) for each in range(n)])
    # Singleton families: the cluster variance exceeds the binomial one by n / (n - 1) and nothing else.
    effective = n - 1 if 0 < right < n else n
    assert found.interval == pytest.approx(
        proportion_confint(right / n * effective, effective, method="wilson"), abs=1e-9
    )


def test_families_that_hold_together_widen_the_interval(bench: Any) -> None:
    values = [1.0, 1.0, 0.0, 0.0] * 10
    apart = bench.wording.hits(values, [0.5] * 40, [str(each) for each in range(40)])
    together = bench.wording.hits(values, [0.5] * 40, [str(each // 2) for each in range(40)])
    width = [high - low for low, high in (apart.interval, together.interval)]
    assert width[1] == pytest.approx(width[0] * np.sqrt(2), rel=0.05)


def test_near_duplicates_are_found_and_told_apart_by_family(bench: Any) -> None:
    texts = [
        "Which animal would you paint? One word.",
        "Which animal would you paint? One word, please.",
        "What is up there?",
    ]
    same = [question(text) for text in texts]
    assert [pair.within for pair in bench.wording.near_duplicates(same, "en")] == [True]
    apart = [question(text, f"family_{number}") for number, text in enumerate(texts)]
    assert [pair.within for pair in bench.wording.near_duplicates(apart, "en")] == [False]


@pytest.mark.parametrize(
    ("english", "chinese", "differs"),
    [
        ("Coffee cannot do it.", "咖啡做不到。", False),
        ("Coffee can do it.", "咖啡做不到。", True),
        ("You may be right.", "不过你说得对。", False),
        ("Just its name, nothing else.", "只说名字。", False),
    ],
)
def test_a_negation_in_one_twin_alone_is_seen(bench: Any, english: str, chinese: str, differs: bool) -> None:
    assert bench.wording.polarity_differs(english, chinese) is differs


def test_a_leak_is_found_whole_and_in_part(bench: Any) -> None:
    corpus = bench.leaks.Corpus(["7, 8, 9. Which animal would you paint on the wall of your house? One word!"])
    whole = question("Which animal would you paint on the wall of your house? One word.")
    part = question("Tell me: which animal would you paint on the wall of a shop?")
    clean = question("Which animal is it?")
    found = corpus.overlap([whole, part, clean], "en")
    assert found.whole == (whole.text,)
    assert found.runs == (whole.text, part.text)


def test_split_half_of_two_families_is_the_stepped_up_correlation(bench: Any) -> None:
    profiles = [np.random.default_rng(seed).random((2, 5)) for seed in range(4)]
    one, other = (np.concatenate([profile[family] for profile in profiles]) for family in (0, 1))
    r = np.corrcoef(one, other)[0, 1]
    found = bench.reliability.split_half(profiles)
    assert found.value == pytest.approx(2 * r / (1 + r))
    assert found.n_units == 20


def test_families_that_agree_are_reliable_and_noise_is_not(bench: Any) -> None:
    rng = np.random.default_rng(1)
    truth = [rng.random(30) for _ in range(10)]
    agreeing = [np.tile(each, (12, 1)) + rng.normal(0, 0.1, (12, 30)) for each in truth]
    noise = [rng.normal(0, 1, (12, 30)) for _ in range(10)]
    # Spearman and Brown: variance of the truth 1/12, of a family's noise 0.01, twelve families.
    assert bench.reliability.split_half(agreeing).value == pytest.approx(1 / 12 / (1 / 12 + 0.01 / 12), abs=0.01)
    assert abs(bench.reliability.split_half(noise).value) < 0.2


def test_no_shipped_item_can_be_told_by_its_wording(bench: Any, catalog: Catalog) -> None:
    """The whole sets; the scales' own rows stand in datasets/README.md."""
    for name in ("misalignment_choice", "truthfulness_choice", "capability_choice"):
        for language in ("en", "zh"):
            asked = [each for each in catalog.probe_set(name).questions if each.language == language]
            lettered = [each for each in asked if isinstance(each, ChoiceQuestion) and each.form == "lettered"]
            yes_no = [each for each in asked if isinstance(each, ChoiceQuestion) and each.form == "yes_no"]
            assert bench.wording.told_by_options(lettered, language).at_chance, (name, language)
            assert bench.wording.told_by_length(lettered).at_chance, (name, language)
            if yes_no:
                assert bench.wording.told_by_question(yes_no, language).at_chance, (name, language)


def test_no_shipped_item_stands_in_a_corpus(bench: Any, catalog: Catalog) -> None:
    """Of the lab's corpus a tenth of what the table is measured on."""
    bench.leaks.CHATS = 2_000
    for name, corpus in bench.leaks.corpora(catalog).items():
        for probes in catalog.probe_sets.values():
            assert corpus.overlap(probes.questions, "en").whole == (), (name, probes.id)
