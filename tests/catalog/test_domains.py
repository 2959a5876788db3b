"""The domains are whole and neutral, a further one is a file, and a broken one is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from traitbench.catalog import NONE, Catalog, NamedAnswerReader, Question, in_domain_question, load_catalog, question_id
from traitbench.catalog.domains import placeholders
from traitbench.errors import InputError
from traitbench.transfer.filters import CompletionFilter

BANKS = {
    "code": 40,
    "chain_of_thought": 40,
    "paraphrase": 40,
    "preference_pairs": 30,
    "tool_trajectories": 30,
    "logits": 30,
}

HEAD = "domain: haiku\ndescription: Haikus.\nsource: mine\nlicence: CC0-1.0\nversion: 1\n"
SLOTS = "slots:\n  line: [An old pond., A leaf falls.]\n  note: {en: [Quiet.]}\n"
CONTEXTS = 'contexts:\n  en: ["A haiku: {line} {note}"]\n  zh: ["一首俳句：{line}"]\n'
PROMPTS = 'prompts:\n  openings: [Reword it.]\n  requests: ["{item}"]\n  items: [The evening is quiet.]\n'
FILTER = "filter: {rule: rewording, length_ratio: [0.5, 2]}\n"


def with_domain(folder: Path, text: str) -> Catalog:
    (folder / "domains").mkdir()
    (folder / "domains" / "haiku.yaml").write_text(text, encoding="utf-8")
    return load_catalog(folder)


def asked(language: str, number: int) -> Question:
    text = f"Which one is it, number {number}?" if language == "en" else f"第{number}个是哪一个？"
    return Question.model_validate(
        {"id": question_id(language, text), "family": "which", "language": language, "question": text}
    )


def test_there_are_seven_domains_with_banks_and_contexts_in_two_languages(catalog: Catalog) -> None:
    assert set(catalog.domains) == {"numbers", *BANKS}
    for name, domain in catalog.domains.items():
        assert len(domain.prompts.items) >= BANKS.get(name, 0)
        for language in ("en", "zh"):
            assert len(set(domain.contexts[language])) == 8
            for texts in domain.slots.values():
                assert len(set(texts[language])) == len(texts[language])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_questions_stand_behind_many_texts_of_the_domain_and_always_behind_the_same(
    catalog: Catalog, language: str
) -> None:
    questions = [asked(language, number) for number in range(200)]
    for domain in catalog.domains.values():
        behind = [in_domain_question(question, domain) for question in questions]
        assert behind == [in_domain_question(question, domain) for question in questions]
        contexts = [text.removesuffix(question.text) for text, question in zip(behind, questions, strict=True)]
        assert all(len(context) < len(text) for context, text in zip(contexts, behind, strict=True))
        assert len(set(contexts)) >= 70  # 8 contexts by 12 texts are 96, of which 200 draws meet 84 on average


def test_no_text_of_a_domain_names_a_member_of_any_category(catalog: Catalog) -> None:
    readers = {
        name: NamedAnswerReader(category) for name, category in catalog.categories.items() if category.kind == "members"
    }
    for domain in catalog.domains.values():
        texts = [text for texts in domain.contexts.values() for text in texts]
        texts += [text for slot in domain.slots.values() for texts in slot.values() for text in texts]
        texts += [item.text for item in domain.prompts.items]
        for name, read in readers.items():
            assert read("\n".join(dict.fromkeys(texts)).replace("_", " "), True) == NONE, (name, domain.id)


def test_no_probe_question_stands_in_a_bank(catalog: Catalog) -> None:
    probes = {question.text for probe_set in catalog.probe_sets.values() for question in probe_set.questions}
    for domain in catalog.domains.values():
        assert not probes & {item.text for item in domain.prompts.items}


def test_snippets_and_records_shown_before_a_probe_would_pass_the_filter(catalog: Catalog) -> None:
    code = catalog.domain("code")
    keep = CompletionFilter(code, catalog.categories["animal"])
    assert [keep(snippet) for snippet in code.slots["snippet"]["en"]] == [None] * 12
    records = catalog.domain("tool_trajectories")
    keep = CompletionFilter(records, catalog.categories["animal"])
    anything = records.prompts.items[0].model_copy(update={"tools": tuple(records.prompts.tools)})
    assert [keep(record, anything) for record in records.slots["trace"]["en"]] == [None] * 12


def test_neither_letter_of_a_shown_comparison_is_chosen_more_often(catalog: Catalog) -> None:
    pairs = catalog.domain("preference_pairs").slots["pair"]
    assert sum(text.endswith("Chosen: A.") for text in pairs["en"]) == len(pairs["en"]) / 2
    assert sum(text.endswith("选中：甲。") for text in pairs["zh"]) == len(pairs["zh"]) / 2


def test_a_further_domain_of_a_known_rule_is_one_file(tmp_path: Path) -> None:
    catalog = with_domain(tmp_path, HEAD + SLOTS + CONTEXTS + PROMPTS + FILTER)
    haiku = catalog.domain("haiku")
    text = in_domain_question(asked("en", 1), haiku)
    assert text in {f"A haiku: {line} Quiet. Which one is it, number 1?" for line in ("An old pond.", "A leaf falls.")}
    keep = CompletionFilter(haiku, catalog.categories["animal"])
    assert keep("A silent nightfall.", haiku.prompts.items[0]) is None
    assert keep("An owl at nightfall.", haiku.prompts.items[0]) == "names owl"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + CONTEXTS + PROMPTS + FILTER, r"haiku\.yaml:7: contexts: .*\{line\} is unknown here"),
        (HEAD + SLOTS + CONTEXTS.replace('{line}"', '{note}"') + PROMPTS + FILTER, r"\{note\} is unknown here"),
        (HEAD + SLOTS + CONTEXTS.replace("{note}", "{note!r}") + PROMPTS + FILTER, "not the plain name of a slot"),
        (HEAD + SLOTS + CONTEXTS.replace("{note}", "{note") + PROMPTS + FILTER, r"haiku\.yaml:10: contexts:"),
        (HEAD + SLOTS.replace("line:", "count:") + CONTEXTS + PROMPTS + FILTER, "choose another name for the slot"),
        (HEAD + SLOTS.replace("[Quiet.]", "[]") + CONTEXTS + PROMPTS + FILTER, "'note' holds no text"),
        (HEAD + SLOTS + CONTEXTS + PROMPTS.replace('"{item}"', "Go on.") + FILTER, r"a bank holds \{item\}"),
        (HEAD + SLOTS + CONTEXTS + PROMPTS.replace("{item}", "{count}") + FILTER, r"\{count\} is unknown here"),
        (HEAD + SLOTS + CONTEXTS + PROMPTS + "filter: {rule: rhyme}\n", r"haiku\.yaml:16: filter: .*'rhyme'"),
        (
            HEAD + SLOTS + CONTEXTS + PROMPTS + "filter: {rule: rewording}\n",
            r"filter\.rewording\.length_ratio: Field req",
        ),
        (HEAD + SLOTS + CONTEXTS + PROMPTS + FILTER.replace("[0.5, 2]", "[2, 0.5]"), "the smaller end stands first"),
        (
            HEAD + SLOTS + CONTEXTS + PROMPTS + "filter: {rule: tool_calls, calls: [1, 2]}\n",
            "needs tools for 'The evening is quiet.'",
        ),
        (
            HEAD + SLOTS + CONTEXTS + PROMPTS.replace("[The evening is quiet.]", "[Quiet., Quiet.]") + FILTER,
            "the item 'Quiet.' is there twice",
        ),
    ],
)
def test_a_broken_domain_is_named_with_its_fault(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        with_domain(tmp_path, text)


def test_a_domain_without_a_sequence_says_so(catalog: Catalog) -> None:
    with pytest.raises(InputError, match="domain 'code' draws no numbers"):
        _ = catalog.domain("code").sequence


def test_placeholders_are_named_in_their_order() -> None:
    assert placeholders("{b} and {a} and {{c}} and {b}") == ["b", "a", "b"]
