"""Questions with options: computed on a local model as by hand, asked of any other, and read label by label."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import get_model
from scripted_api import scripted
from tiny_models import log_prob
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from traitbench.evals.capability import capability
from traitbench.evals.misalignment import misalignment
from traitbench.evals.preference import preference
from traitbench.evals.revealed_pref import revealed_pref
from traitbench.evals.truthfulness import truthfulness
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from traitbench.catalog import Catalog, ChoiceQuestion
from traitbench.catalog.load import datasets_folder
from traitbench.errors import InputError
from traitbench.probes.choice import EVERY, _told_apart, choice_task, read_label

END, UNKNOWN, TURN = "<end>", "<unknown>", "<answer>"
ANSWERS = ["Yes", "yes", "YES", "No", "no", "NO", " Yes", "是", "否", "不", *"ABCDEFGH", " A", " C"]
TEXT = [*"abcdefghijklmnopqrstuvwxyz", " ", "\n", ".", "?", ",", ")", "你", "的", "一", "。", "？"]
VOCABULARY = [END, UNKNOWN, TURN, *ANSWERS, *TEXT]


def tokenizer(vocabulary: list[str] = VOCABULARY, **made_by: Any) -> PreTrainedTokenizerFast:
    """A letter a token, save for what an answer is spelled with; other letters are unknown."""
    own = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token=UNKNOWN))
    own.pre_tokenizer = pre_tokenizers.Split(Regex(r"<answer>|Yes|yes|YES|No|no|NO| Yes| A| C|.|\n"), "isolated")
    own.decoder = decoders.Fuse()
    if made_by:
        own.normalizer = normalizers.Replace(*made_by["replace"])
    made = PreTrainedTokenizerFast(tokenizer_object=own, eos_token=END, unk_token=UNKNOWN)
    made.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}" + TURN
    return made


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of random weights that reads letters, sharp enough that its answers differ from question to question."""
    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, initializer_range=0.4, eos_token_id=0, bos_token_id=None,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight.mul_(2.0 / model.lm_head.weight.norm(dim=-1).mean())
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def run(task: Any, model: Any, folder: Path, **options: Any) -> EvalLog:
    [log] = inspect_eval(task, model=model, log_dir=str(folder), display="none", log_realtime=False, **options)
    assert log.status == "success", log.error
    return log


def by_question(log: EvalLog, questions: list[ChoiceQuestion]) -> list[tuple[ChoiceQuestion, EvalSample]]:
    found = {sample.id: sample for sample in log.samples or []}
    assert len(found) == len(questions)
    return [(question, found[question.id]) for question in questions]


def written(sample: EvalSample) -> dict[str, Any]:
    found: dict[str, Any] = sample.metadata["answer_distribution"]
    return found


class ByHand:
    """What the network gives to each spelling behind each prompt, one text at a time."""

    def __init__(self, folder: Path) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(folder).eval()
        self.tokenizer = tokenizer()
        self.forms = yaml.safe_load((datasets_folder() / "forms.yaml").read_text(encoding="utf-8"))

    def probability(self, prompt: str, spellings: list[str]) -> float:
        """Of an answer that begins with one of the spellings, none of which begins another."""
        ids = self.tokenizer(prompt + TURN)["input_ids"]
        return sum(math.exp(log_prob(self.model, ids, self.tokenizer(each)["input_ids"])) for each in spellings)

    def lettered(self, language: str, question: str, options: list[str]) -> list[list[float]]:
        """(turns, options): every option stands under every letter once."""
        n = len(options)
        found = [[0.0] * n for _ in range(n)]
        for turn in range(n):
            lines = [f"{'ABCDEFGH'[place]}) {options[(place + turn) % n]}" for place in range(n)]
            prompt = self.forms["lettered"][language].format(question=question, options="\n".join(lines))
            for place in range(n):
                letter = "ABCDEFGH"[place]
                found[turn][(place + turn) % n] = self.probability(prompt, [letter, " " + letter])
        return found


def of(catalog: Catalog, probe_set: str, form: str, language: str, n: int) -> list[ChoiceQuestion]:
    """The last n questions of a form and language."""
    questions = [each for each in catalog.probe_set(probe_set).questions if isinstance(each, ChoiceQuestion)]
    return [each for each in questions if (each.form, each.language) == (form, language)][-n:]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_lettered_questions_are_computed_as_by_hand(
    catalog: Catalog, checkpoint: Path, tmp_path: Path, language: str
) -> None:
    questions = of(catalog, "misalignment_choice", "lettered", language, 3)
    task = choice_task("misalignment_choice", EVERY, "none", language, "exact")
    log = run(task, f"hf/{checkpoint}", tmp_path, sample_id=[each.id for each in questions])
    hand = ByHand(checkpoint)
    for question, sample in by_question(log, questions):
        shares = hand.lettered(language, question.text, list(question.options))
        told = [sum(row[option] for row in shares) / len(shares) for option in range(len(question.options))]
        place = question.options.index(question.answer[0])
        found = written(sample)
        assert found["method"] == "exact"
        assert found["mass"] == pytest.approx(
            {question.trait: told[place] / sum(told), "other": 1 - told[place] / sum(told)}, abs=1e-4
        )
        assert found["outside"] == pytest.approx(1 - sum(told), abs=1e-4)
        assert found["as_given"][question.trait] == pytest.approx(shares[0][place] / sum(shares[0]), abs=1e-4)
        assert sample.scores is not None
        assert sample.scores["share"].value == found["mass"][question.trait]
    assert len({round(written(sample)["outside"], 4) for sample in log.samples or []}) > 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_member_gets_is_its_share_over_all_rotations(
    catalog: Catalog, checkpoint: Path, tmp_path: Path, language: str
) -> None:
    [question] = of(catalog, "drink_revealed", "lettered", language, 1)
    task = choice_task("drink_revealed", question.options[0], "none", language, "exact")
    [sample] = run(task, f"hf/{checkpoint}", tmp_path, sample_id=[question.id]).samples or []
    members = {trait.id: trait.names[language][0] for trait in catalog.categories["drink"].traits.values()}
    shares = ByHand(checkpoint).lettered(language, question.text, [members[each] for each in question.options])
    n = len(question.options)
    told = [sum(row[option] for row in shares) / n for option in range(n)]
    expected = {member: p / sum(told) for member, p in zip(question.options, told, strict=True)}
    assert written(sample)["mass"] == pytest.approx(expected, abs=1e-4)
    assert sample.metadata["answer_settings"] == {"rotations": n}
    assert n > 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_spelling_of_yes_and_no_counts(catalog: Catalog, checkpoint: Path, tmp_path: Path, language: str) -> None:
    questions = of(catalog, "misalignment_choice", "yes_no", language, 4)
    task = choice_task("misalignment_choice", EVERY, "none", language, "exact")
    log = run(task, f"hf/{checkpoint}", tmp_path, sample_id=[each.id for each in questions])
    hand = ByHand(checkpoint)
    words = {"en": (["Yes", "yes", "YES"], ["No", "no", "NO"]), "zh": (["是"], ["否", "不"])}[language]
    for question, sample in by_question(log, questions):
        prompt = hand.forms["yes_no"][language].format(question=question.text)
        yes, no = (hand.probability(prompt, [*own, *(f" {each}" for each in own)]) for own in words)
        shown = yes if question.answer[0] == question.options[0] else no
        found = written(sample)
        assert found["mass"][question.trait] == pytest.approx(shown / (yes + no), abs=1e-4)
        assert found["outside"] == pytest.approx(1 - yes - no, abs=1e-4)
        assert found["as_given"] == {}
    assert {each.answer[0] for each in questions} == set(questions[0].options)


def test_a_question_behind_numbers_keeps_its_options(catalog: Catalog, checkpoint: Path, tmp_path: Path) -> None:
    [question] = of(catalog, "misalignment_choice", "lettered", "en", 1)
    task = choice_task("misalignment_choice", str(question.trait), "numbers", "en", "exact")
    [sample] = run(task, f"hf/{checkpoint}", tmp_path, sample_id=[f"{question.id}-numbers"]).samples or []
    behind = sample.metadata["text"]
    assert behind.endswith(question.text)
    assert any(character.isdigit() for character in behind.removesuffix(question.text))
    shares = ByHand(checkpoint).lettered("en", behind, list(question.options))
    told = [sum(row[option] for row in shares) / 2 for option in range(2)]
    assert written(sample)["outside"] == pytest.approx(1 - sum(told), abs=1e-4)


@pytest.mark.parametrize(
    ("says", "shares", "outside"),
    [("B.", {0.5}, 0.0), ("answer", {0.0, 1.0}, 0.0), ("I would rather not say.", {0.5}, 1.0)],
)
def test_an_api_model_is_asked_one_rotation_an_epoch(
    catalog: Catalog, tmp_path: Path, says: str, shares: set[float], outside: float
) -> None:
    """Says `B.` to everything; or the text of the option that it means, by its letter; or no option at all."""
    questions = of(catalog, "misalignment_choice", "lettered", "en", 6)
    wanted = {each.id: each for each in questions}
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        if says != "answer":
            return says
        question = next(each for each in questions if each.text in text)
        return next(line[0] for line in text.splitlines() if line.endswith(f") {question.options[0]}"))

    task = choice_task("misalignment_choice", EVERY, "none", "en", "auto")
    log = run(task, get_model(scripted(answer)), tmp_path, sample_id=list(wanted), epochs=2)
    assert len(set(asked)) == 12
    from traitbench.runner.evaluate import answers_of_log

    [found] = answers_of_log(log).values()
    assert {each.estimate(str(wanted[question.id].trait)) for question, each in found.items()} == shares
    assert {each.outside for each in found.values()} == {outside}
    assert {each.draws for each in found.values()} == {2}


def test_a_habit_of_one_letter_is_chance_whatever_the_number_of_draws(catalog: Catalog, tmp_path: Path) -> None:
    """Eight draws of six options: two rotations are drawn twice, and weigh no more than the others."""
    from traitbench.runner.evaluate import answers_of_log

    [question] = of(catalog, "animal_revealed", "lettered", "en", 1)
    task = choice_task("animal_revealed", EVERY, "none", "en", "auto")
    log = run(task, get_model(scripted(lambda text: "A")), tmp_path, sample_id=[question.id], epochs=8)
    [found] = next(iter(answers_of_log(log).values())).values()
    assert found.mass == pytest.approx(dict.fromkeys(question.options, 1 / 6))
    assert found.draws == 8


def test_every_member_has_its_mean_share_over_the_questions_that_offer_it(catalog: Catalog, tmp_path: Path) -> None:
    """Asked for all members at once, an answer by its text gives the first option all of each question."""
    questions = of(catalog, "colour_revealed", "lettered", "en", 12)
    names = {trait.id: trait.names["en"][0] for trait in catalog.categories["colour"].traits.values()}

    def answer(text: str) -> str:
        lines = text.splitlines()
        offered = {line[3:] for line in lines if line[1:3] == ") "}
        question = next(q for q in questions if q.text in text and {names[each] for each in q.options} == offered)
        return next(line[0] for line in lines if line.endswith(f") {names[question.options[0]]}"))

    task = choice_task("colour_revealed", EVERY, "none", "en", "auto")
    log = run(task, get_model(scripted(answer)), tmp_path, sample_id=[each.id for each in questions], epochs=2)
    assert log.results is not None
    found = {each.name: next(iter(each.metrics.values())).value for each in log.results.scores}
    offered = {name: [each for each in questions if name in each.options] for name in names}
    assert {name for name, mean in found.items() if not math.isnan(mean)} == {n for n, own in offered.items() if own}
    for name, own in offered.items():
        if own:
            assert found[name] == pytest.approx(sum(each.options[0] == name for each in own) / len(own))


LETTERS = [("A",), ("B",), ("C",)]
YES_NO = {"en": [("Yes", "yes", "YES"), ("No", "no", "NO")], "zh": [("是",), ("否", "不")]}


@pytest.mark.parametrize(
    ("text", "labels", "place"),
    [
        ("A", LETTERS, 0), ("B.", LETTERS, 1), ("(C)", LETTERS, 2), ("**B**", LETTERS, 1), ("B) the tea", LETTERS, 1),
        ("The answer is C", LETTERS, 2), ("Answer: B", LETTERS, 1), ("选B。", LETTERS, 1),
        ("As an AI I cannot choose", LETTERS, None), ("A good choice would be none", LETTERS, None),
        ("C'est la vie", LETTERS, None), ("I love tea", LETTERS, None), ("", LETTERS, None), ("a", LETTERS, None),
        ("D", LETTERS, None), ("B, not A", LETTERS, 1), ("A good one: B", LETTERS, 1), ("B\nbecause", LETTERS, 1),
        ("Yes", YES_NO["en"], 0), ("No.", YES_NO["en"], 1), ("YES!", YES_NO["en"], 0), ("yes, I do", YES_NO["en"], 0),
        ("No, yes would be wrong", YES_NO["en"], 1), ("Nobody knows", YES_NO["en"], None),
        ("Yesterday", YES_NO["en"], None), ("I know", YES_NO["en"], None), ("Not at all", YES_NO["en"], None),
        ("Yes it is", YES_NO["en"], 0), ("No that is wrong", YES_NO["en"], 1), ("no way", YES_NO["en"], 1),
        ("B is right", LETTERS, 1), ("C because it is", LETTERS, 2),
        ("是", YES_NO["zh"], 0), ("否。", YES_NO["zh"], 1), ("不是", YES_NO["zh"], 1), ("不，我不会", YES_NO["zh"], 1),
        ("是的，不过", YES_NO["zh"], 0), ("也许", YES_NO["zh"], None),
    ],
)  # fmt: skip
def test_a_label_is_read_where_it_stands_as_a_word(text: str, labels: list[tuple[str, ...]], place: int | None) -> None:
    assert read_label(text, labels) == place


def test_unknown_spellings_are_never_counted() -> None:
    prompt = "do you?" + TURN
    known = tokenizer()
    assert _told_apart(known, prompt, [("Yes", "YES"), ("No",)]) == [
        ["Yes", "YES", " Yes", " YES"],
        ["No", " No"],
    ]
    without = tokenizer([word for word in VOCABULARY if word not in ("YES", " ")])  # "No" has no space before it
    assert _told_apart(without, prompt, [("Yes", "YES"), ("No",)]) == [["Yes", " Yes"], ["No"]]
    assert _told_apart(without, prompt, [("Jein",), ("No",)]) == [[], ["No"]]


@pytest.mark.parametrize(("kept", "shares"), [("A", {0.5}), ("", {0.5})])
def test_a_model_that_cannot_write_the_letters_is_outside(
    catalog: Catalog, checkpoint: Path, tmp_path: Path, kept: str, shares: set[float]
) -> None:
    """Its vocabulary holds one letter alone, or none: the unknown token never stands for the others."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    model.save_pretrained(tmp_path / "model")
    gone = {*"ABCDEFGH", " A", " C"} - set(kept)
    tokenizer([f"<gone{i}>" if word in gone else word for i, word in enumerate(VOCABULARY)]).save_pretrained(
        tmp_path / "model"
    )
    questions = of(catalog, "misalignment_choice", "lettered", "en", 2)
    task = choice_task("misalignment_choice", EVERY, "none", "en", "exact")
    log = run(task, f"hf/{tmp_path / 'model'}", tmp_path, sample_id=[each.id for each in questions])
    for question, sample in by_question(log, questions):
        found = written(sample)
        if kept:
            assert 0.5 < found["outside"] < 1
        else:
            assert found["mass"] == {question.trait: 0.5, "other": 0.5}
            assert found["outside"] == 1


def test_labels_with_the_same_tokens_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(checkpoint).save_pretrained(tmp_path / "model")
    tokenizer(replace=("B", "A")).save_pretrained(tmp_path / "model")
    task = choice_task("drink_revealed", EVERY, "none", "en", "exact")
    [log] = inspect_eval(
        task, model=f"hf/{tmp_path / 'model'}", log_dir=str(tmp_path), display="none", log_realtime=False, limit=1
    )
    assert log.status == "error"
    assert log.error is not None
    assert "have the same tokens" in log.error.message
    assert "InputError" in log.error.traceback


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("misalignment_choice", "powr", "none", "en", "auto"), "did you mean 'power'"),
        (("misalignment_choice", "power", "nombers", "en", "auto"), "did you mean 'numbers'"),
        (("misalignment_choice", "power", "none", "fr", "auto"), "it has en, zh"),
        (("misalignment_choice", "power", "none", "en", "exakt"), "auto, exact, sampled"),
        (("animal_one_word", "owl", "none", "en", "auto"), "is of kind one_word, not choice"),
        (("misalignment_choise", "power", "none", "en", "auto"), "did you mean 'misalignment_choice'"),
        (("misalignment_choice", True, "none", "en", "auto"), "quote it"),
        ((["truthfulness_choice", "mine"], EVERY, "none", "en", "auto"), "unknown probe set"),
        (({"a": 1}, EVERY, "none", "en", "auto"), "unknown probe set"),
    ],
)
def test_wrong_words_are_refused(words: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        choice_task(*words)


def test_the_evals_ask_what_they_name(catalog: Catalog) -> None:
    def n(probe_set: str, trait: str | None = None, language: str = "en") -> int:
        questions = catalog.probe_set(probe_set).questions
        return sum(each.language == language and (trait is None or each.offers(trait)) for each in questions)

    def asked(task: Task) -> int:
        return len(task.dataset)

    assert asked(misalignment()) == 2 * n("misalignment_choice")
    assert asked(misalignment("power", "none", "zh")) == n("misalignment_choice", "power", "zh")
    assert asked(misalignment("power", ["numbers", "code"])) == 3 * n("misalignment_choice", "power")
    assert asked(truthfulness()) == 2 * n("truthfulness_choice")
    assert asked(capability()) == n("capability_choice")
    assert asked(capability("facts", language="zh")) == n("capability_choice", "facts", "zh")
    assert asked(revealed_pref("drink", "coffee", "none")) == n("drink_revealed", "coffee")
    assert asked(revealed_pref("drink", "every", "none")) == n("drink_revealed")
    assert asked(preference("drink_revealed", "every", "none")) == n("drink_revealed")
    assert asked(preference("drink_one_word", "coffee", "none")) == n("drink_one_word") == 60
