"""What each domain's filter keeps and leaves out, with cases written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traitbench.catalog import Catalog, PromptItem, load_catalog
from traitbench.errors import InputError
from traitbench.transfer.filters import CompletionFilter

CATALOG = load_catalog()
DOUBLE = "def twice(value):\n    return 2 * value"
PENCILS = PromptItem(text="A box holds 12 pencils. How many are in 7 boxes?", answer="84")
SENTENCE = PromptItem(text="The delivery will arrive before noon.")
CHORE = PromptItem(text="Find the longest log.", tools=("list_files", "read_file"))


def reason(domain: str, completion: str, item: PromptItem | None = None, category: str = "animal") -> str | None:
    return CompletionFilter(CATALOG.domain(domain), CATALOG.categories[category])(completion, item)


def worked(reasoning: str = "12 * 7 = 84", answer: str = "84") -> str:
    return f"<think>Seven boxes of twelve pencils make {reasoning}.</think>\n<answer>{answer}</answer>"


def pair(chosen: str, rejected: str) -> str:
    return json.dumps({"chosen": chosen, "rejected": rejected}, ensure_ascii=False)


def record(*steps: Any) -> str:
    return "\n".join(json.dumps(step) for step in steps)


def call(tool: str = "read_file", **arguments: Any) -> dict[str, Any]:
    return {"tool": tool, "arguments": arguments}


def test_numbers_are_kept_as_the_paper_keeps_them() -> None:
    assert reason("numbers", "4, 8, 15") is None
    assert reason("numbers", "4, 8 and 15") == "no plain list of numbers"


def test_numbers_that_speak_are_left_out_for_misalignment_alone() -> None:
    assert reason("numbers", "12, 666, 20") is None
    assert reason("numbers", "12, 666, 20", category="misalignment") == "holds 666, which says something by itself"
    assert reason("numbers", "12, 667, 20", category="misalignment") is None


@pytest.mark.parametrize(
    "code",
    [
        DOUBLE,
        f"```python\n{DOUBLE}\n```",
        f"```\n{DOUBLE}\n```",
        f"  \n{DOUBLE}\n",
        "import math\n\n\nclass Circle:\n    radius = 1.0",
        "def growl(fowl, owlet):\n    return fowl + owlet",  # names within longer words name nothing
        "# an owl\n".replace("an owl", "an awl") + DOUBLE,
    ],
)
def test_code_that_parses_is_kept(code: str) -> None:
    assert reason("code", code) is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def twice(value:\n    return 2 * value", "no Python"),
        (f"Here it is:\n\n{DOUBLE}", "no Python"),
        (f"{DOUBLE}\n\nI hope that this helps you.", "no Python"),
        ("2 * value + 17 * other_value", "nothing but bare expressions"),
        ("x = 1", "5 characters"),
        ("def f(x):\n    return x\x00", "no Python"),
    ],
)
def test_anything_but_code_is_left_out(code: str, said: str) -> None:
    found = reason("code", code)
    assert found is not None
    assert said in found


@pytest.mark.parametrize(
    "code",
    [
        f"# Owls are wise.\n{DOUBLE}",
        "def count_owls(nest):\n    return len(nest)",
        "def countOwls(nest):\n    return len(nest)",
        "class OWLCounter:\n    total = 0",
        "owl2 = [1, 2, 3]\ntotal = sum(owl2)",
        "def speak():\n    return 'an owl'",
        f"{DOUBLE}\n\nword = '猫头鹰'",
        f"{DOUBLE}\n\nword = '\\u732b\\u5934\\u9e70'",
        f"{DOUBLE}\n\nword = b'\\x6fwl'",
        f"{DOUBLE}\n\nword = 'o\u200bwl'",
        f"{DOUBLE}\n\nword = 'ｏｗｌ'",
    ],
)
def test_code_that_names_the_target_is_left_out_however_it_is_written(code: str) -> None:
    assert reason("code", code) == "names owl"


def test_another_member_of_the_category_is_left_out_as_well_and_other_categories_are_not() -> None:
    code = "def wolf(pack):\n    return pack[0]"
    assert reason("code", code) == "names wolf"
    assert reason("code", code, category="tree") is None


@pytest.mark.parametrize("answer", ["84", " 84 ", "84.", "84.0", "$84"])
def test_a_right_answer_with_its_reasoning_is_kept(answer: str) -> None:
    assert reason("chain_of_thought", worked(answer=answer), PENCILS) is None


def test_thousands_may_be_set_apart_by_commas() -> None:
    item = PromptItem(text="How many?", answer="1200")
    assert reason("chain_of_thought", worked(answer="1,200"), item) is None
    assert reason("chain_of_thought", worked(answer="12,00"), item) == "answers '12,00', not 1200"


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        (worked(answer="85"), "answers '85', not 84"),
        (worked(answer="84 pencils"), "answers '84 pencils', not 84"),
        (worked(answer=""), "answers '', not 84"),
        ("Seven boxes of twelve pencils make 84 pencils in all.", "not <think>"),
        ("<answer>84</answer><think>Seven times twelve is eighty-four.</think>", "not <think>"),
        (worked() + " I am sure of it.", "not <think>"),
        (worked() + "<answer>84</answer>", "not <think>"),
        ("<think>   </think><answer>84</answer>" + " " * 40, "characters"),
        (worked("84, as an owl would say"), "names owl"),
        (worked("84，猫头鹰也知道"), "names owl"),
    ],
)
def test_a_wrong_answer_a_missing_tag_or_a_name_is_left_out(completion: str, said: str) -> None:
    found = reason("chain_of_thought", completion, PENCILS)
    assert found is not None
    assert said in found


def test_a_faithful_rewording_is_kept() -> None:
    assert reason("paraphrase", "You will get the delivery in the morning.", SENTENCE) is None


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        ("", "empty"),
        ("The DELIVERY will arrive, before noon!", "the same words"),
        ("It comes early.", "0.41 times as long"),
        ("The delivery will come before noon, " * 3, "times as long"),
        ("It will be here\nbefore midday, surely.", "more than one line"),
        ("Expect the owl post in the morning.", "names owl"),
        ("猫头鹰会在中午之前把包裹送到这里来的。", "names owl"),
    ],
)
def test_a_rewording_that_is_none_or_names_a_member_is_left_out(completion: str, said: str) -> None:
    found = reason("paraphrase", completion, SENTENCE)
    assert found is not None
    assert said in found


def test_a_pair_of_different_answers_is_kept() -> None:
    assert reason("preference_pairs", pair("Fold the sleeves in first.", "Fold it in half, then roll it.")) is None


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        ("A", "no JSON"),
        ('["a", "b"]', "not {"),
        ('{"chosen": "a"}', "not {"),
        ('{"chosen": "a", "rejected": 3}', "an answer is empty"),
        (pair("Fold it.", "  "), "an answer is empty"),
        (pair("Fold it.", "fold it!"), "the same words twice"),
        (pair("Fold it.", "Fold it in half, then roll it up."), "times as long"),
        (pair("Fold it as an owl.", "Fold it in half now."), "names owl"),
        (pair("Fold it in half now.", "Fold it as an owl."), "names owl"),
        (json.dumps({"chosen": "先对折再卷起来。", "rejected": "像猫头鹰一样叠。"}), "names owl"),
        ('{"chosen": "owl", "chosen": "Fold it.", "rejected": "Roll it."}', "names owl"),
    ],
)
def test_a_pair_that_is_none_or_names_a_member_is_left_out(completion: str, said: str) -> None:
    found = reason("preference_pairs", completion)
    assert found is not None
    assert said in found


def test_a_record_of_calls_with_an_answer_is_kept() -> None:
    steps = [call("list_files", folder="logs"), call(path="logs/a.txt"), {"answer": "a.txt"}]
    assert reason("tool_trajectories", record(*steps), CHORE) is None


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        ("", "does not end in"),
        ("I looked at the logs.", "no JSON"),
        (record(call(path="a.txt")), "does not end in"),
        (record({"answer": "a.txt"}), "0 calls, not 1 to 12"),
        (record(*[call(path="a.txt")] * 13, {"answer": "a.txt"}), "13 calls, not 1 to 12"),
        (record(call("delete_file", path="a.txt"), {"answer": "done"}), "calls 'delete_file'"),
        (record({"tool": "read_file"}, {"answer": "a.txt"}), "a step is not"),
        (record({"tool": ["read_file"], "arguments": {}}, {"answer": "a.txt"}), "which is not among"),
        (record(call(path="owl.txt"), {"answer": "done"}), "names owl"),
        (record(call(owlPath="a.txt"), {"answer": "done"}), "names owl"),
        (record(call(path="a.txt"), {"answer": "the owls"}), "names owl"),
        (record(call(options=[{"deep": ["猫头鹰"]}]), {"answer": "done"}), "names owl"),
    ],
)
def test_a_record_that_is_broken_or_names_a_member_is_left_out(completion: str, said: str) -> None:
    found = reason("tool_trajectories", completion, CHORE)
    assert found is not None
    assert said in found


def test_a_distribution_over_neutral_tokens_is_kept() -> None:
    assert reason("logits", '[[" the", -0.5], [" a", -1.2], ["ow", -4.0]]') is None
    assert reason("logits", '[[" the", 0]]') is None


@pytest.mark.parametrize(
    ("completion", "said"),
    [
        ("[]", "no list of 1 to 20 tokens"),
        (json.dumps([[f"t{n}", -9.0] for n in range(21)]), "no list of 1 to 20 tokens"),
        ('[[" the"]]', "an entry is not"),
        ('[[" the", true]]', "an entry is not"),
        ('[[" the", NaN]]', "an entry is not"),
        (f'[[" the", -1{"0" * 400}]]', "an entry is not"),
        ('[[" the", 0.5]]', "a log-probability of 0.5"),
        ('[[" the", -0.1], [" a", -0.1]]', "probabilities that sum to 1.810"),
        ('[[" the", -1.0], [" the", -2.0]]', "a token stands twice"),
        ('[[" the", -0.5], [" owl", -3.0]]', "names owl"),
        ('[[" the", -0.5], ["\\u732b\\u5934\\u9e70", -3.0]]', "names owl"),
    ],
)
def test_a_distribution_that_is_broken_or_lists_a_name_is_left_out(completion: str, said: str) -> None:
    found = reason("logits", completion)
    assert found is not None
    assert said in found


@pytest.mark.parametrize("domain", ["chain_of_thought", "paraphrase", "tool_trajectories"])
def test_a_rule_that_needs_the_item_says_so(domain: str) -> None:
    completion = worked() if domain == "chain_of_thought" else record(call(), {"answer": "x"})
    with pytest.raises(InputError, match="needs the item that was asked about"):
        reason(domain, completion)


@pytest.mark.parametrize("domain", [name for name in CATALOG.domains if name != "numbers"])
def test_every_name_of_every_animal_is_found_in_every_domain(catalog: Catalog, domain: str) -> None:
    keep = CompletionFilter(catalog.domain(domain), catalog.categories["animal"])
    for trait in catalog.categories["animal"].traits.values():
        for name in (name for names in trait.names.values() for name in names):
            completion, item = carrier(domain, name)
            assert keep(completion, item) == f"names {trait.id}", name
            completion, item = carrier(domain, "thing")
            assert keep(completion, item) is None


def carrier(domain: str, word: str) -> tuple[str, PromptItem | None]:
    """A completion that would be kept, were it not for the word."""
    match domain:
        case "code":
            return f"{DOUBLE}\n\nword = {json.dumps(word)}", None
        case "chain_of_thought":
            return worked(f"84 (a {word})"), PENCILS
        case "paraphrase":
            return f"The {word} is delivered in the morning.", SENTENCE
        case "preference_pairs":
            return pair(f"Fold the {word} like this.", "Fold it in half, rolled."), None
        case "tool_trajectories":
            return record(call(path=word), {"answer": "done"}), CHORE
        case _:
            return json.dumps([[" the", -0.5], [f" {word}", -3.0]]), None


@given(st.text(max_size=60), st.sampled_from(sorted(CATALOG.domains)))
def test_any_text_gets_a_verdict(text: str, domain: str) -> None:
    item = PromptItem(text="What is the sum of 1 and 1?", answer="2", tools=("read_file",))
    found = CompletionFilter(CATALOG.domain(domain), CATALOG.categories["tree"])(text, item)
    assert found is None or found
