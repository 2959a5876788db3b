"""Every fault of a catalogue folder is named with file and line, by `validate` and by whatever reads the folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from overlays import lettered, one_word, task_line, with_id, write, write_set, yes_no

import traitbench.catalog.load
import traitbench.catalog.validation
from traitbench.catalog.load import datasets_folder, load_catalog
from traitbench.catalog.validation import faults
from traitbench.cli import main
from traitbench.errors import InputError

ANIMAL = {"category": "animal", "noun": {"en": ["animal", "animals"]}}
SCALES = {"category": "misalignment", "kind": "scale", "noun": {"en": ["misalignment"]}}
BALANCED = (yes_no("Would you?", "Yes"), yes_no("Would you not?", "No"))
TWO = ["cat", "owl"]


def choice(*rows: dict[str, Any]) -> Callable[[Path], Any]:
    """A set of the category misalignment, its rows in the file as they stand here, with the right card."""

    def make(folder: Path) -> None:
        file = write_set(folder, "mine", "misalignment", "choice", [with_id(each) for each in BALANCED])
        sha256 = (folder / "probes" / "mine.yaml").read_text().split("sha256: ")[1]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        from hashlib import sha256 as digest

        card = folder / "probes" / "mine.yaml"
        card.write_text(card.read_text().replace(sha256.strip(), digest(file.read_bytes()).hexdigest()))

    return make


def file(name: str, data: Any) -> Callable[[Path], Any]:
    return lambda folder: write(folder, name, data)


def without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


GOOD = with_id(BALANCED[0])
LETTERED = with_id(lettered("Which?", ["Rest", "Rule"], trait="power", answer="Rule"))
MEMBERS = with_id(lettered("Which one will it be?", TWO))


def written_by_hand(text: str) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        choice(GOOD)(folder)
        (folder / "probes" / "mine.jsonl").write_text(text, encoding="utf-8")

    return make


def suite(**line: Any) -> Callable[[Path], Any]:
    known = {"category": "animal", "domain": "numbers", "teacher": "system_prompt", "probe_set": "animal_one_word"}
    return file("suites.yaml", "suites:\n- id: mine\n  description: Mine.\n  tasks:\n  - " + json.dumps(known | line))


def forms(**changed: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "lettered": {"en": "{question}\n{options}", "zh": "{question}\n{options}"},
        "yes_no": {"en": "{question}", "zh": "{question}"},
        "spellings": {"en": {"Yes": ["Yes"], "No": ["No"]}, "zh": {"是": ["是"], "否": ["否"]}},
    }
    for name, value in changed.items():
        whole[name] = {**whole[name], **value}
    return whole


AT_LOAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no options": (choice(GOOD, without(LETTERED, "options")), r"mine\.jsonl:2: options: Field required"),
    "one option": (choice(with_id({**LETTERED, "options": ["Rule"]})), r"mine\.jsonl:1: options: .*at least 2"),
    "doubled options": (
        choice(GOOD, with_id({**LETTERED, "options": ["Rule", "Rule"]})),
        r"mine\.jsonl:2: two of the options are the same; make them differ",
    ),
    "answer not among options": (
        choice(GOOD, {**LETTERED, "answer": "Reign"}), r"mine\.jsonl:2: answer 'Reign' is none of the options"
    ),
    "trait without answer": (choice(without(GOOD, "answer")), r"mine\.jsonl:1: a trait needs the answer that shows it"),
    "answer without its scale": (choice(GOOD, without(LETTERED, "trait")), r"mine\.jsonl:2: .*an answer its trait"),
    "unknown form": (choice({**GOOD, "form": "rated"}), r"mine\.jsonl:1: form: .*'yes_no' or 'lettered'"),
    "other words than yes and no": (
        choice(with_id({**GOOD, "options": ["Yes", "Maybe"]})), r"mine\.jsonl:1: the options of form yes_no are"
    ),
    "unknown language": (choice({**GOOD, "language": "fr"}), r"mine\.jsonl:1: language: .*'en' or 'zh'"),
    "unknown key": (choice(GOOD, {**LETTERED, "weight": 2}), r"mine\.jsonl:2: weight: Extra inputs"),
    "unknown scale": (
        choice(GOOD, {**LETTERED, "trait": "powr"}),
        r"mine\.jsonl:2: 'powr' is no trait of category 'misalignment'; did you mean 'power'",
    ),
    "members where there are scales": (choice(GOOD, MEMBERS), r"mine\.jsonl:2: 'cat' is no trait of category 'misal"),
    "wrong id": (
        choice({**GOOD, "id": "q00000000000"}), r"mine\.jsonl:1: id 'q00000000000' is not the hash of the text; .*'q"
    ),
    "a question twice": (choice(GOOD, GOOD), r"mine\.yaml:\d+: duplicate question id"),
    "half a line": (written_by_hand('{"id": "q'), r"mine\.jsonl:1: not JSON"),
    "not what the card says": (
        written_by_hand(json.dumps(with_id(BALANCED[1])) + "\n"),
        r"mine\.yaml:8: sha256 of .*mine\.jsonl is .*traitbench probes stamp",
    ),
    "a card without its questions": (
        file("probes/mine.yaml", {"probe_set": "mine", "kind": "choice"}), r"mine\.jsonl: no such file"
    ),
    "a name of two members": (
        file("categories/more.yaml", {**ANIMAL, "traits": [
            {"id": "newt", "names": {"en": ["newt", "newts"]}},
            {"id": "eft", "names": {"en": ["eft", "efts", "newt"]}},
        ]}),
        r"more\.yaml:17: traits\.eft\.names\.en\.2: the name 'newt' stands for both 'newt' and 'eft'",
    ),
    "no plural": (
        file("categories/more.yaml", {**ANIMAL, "traits": [{"id": "newt", "names": {"en": ["newt"]}}]}),
        r"more\.yaml:10: traits\.newt\.names\.en: needs at least the singular and the plural",
    ),
    "a trait twice": (
        file("categories/more.yaml", {**ANIMAL, "traits": [{"id": "newt", "names": {"en": ["newt", "newts"]}}] * 2}),
        r"more\.yaml:\d+: traits\.1: duplicate trait id 'newt'",
    ),
    "a trait of the catalogue": (
        file("categories/more.yaml", {**ANIMAL, "traits": [{"id": "owl", "names": {"en": ["strix", "strixes"]}}]}),
        r"more\.yaml:7: duplicate trait id 'owl'",
    ),
    "a trait of another category": (
        file("categories/more.yaml", {**ANIMAL, "traits": [{"id": "oak", "names": {"en": ["oaky", "oakies"]}}]}),
        r"more\.yaml:7: trait id 'oak' is one of category 'tree' already",
    ),
    "a scale that says nothing": (
        file("categories/more.yaml", {**SCALES, "traits": [{"id": "envy", "names": {"en": ["envy"]}}]}),
        r"more\.yaml:7: traits\.envy: a scale needs a description",
    ),
    "another kind of category": (
        file("categories/more.yaml", {**without(SCALES, "kind"), "traits": [
            {"id": "envy", "names": {"en": ["envy", "envies"]}}
        ]}),
        r"more\.yaml:1: category 'misalignment' is of kind scale; write `kind: scale`",
    ),
    "a suite of no task": (suite(domain="letters"), r"suites\.yaml:5: suite 'mine': no task is about .*'letters'"),
    "a suite of a trait that is none": (
        suite(traits=["owl", "owls"]), r"suites\.yaml:5: .*no task is about trait 'owls'"
    ),
    "a suite with an unknown capability set": (
        file("suites.yaml", "suites:\n- id: mine\n  description: Mine.\n  capability: capability_choise\n  tasks:\n"
             "  - {category: animal, domain: numbers, teacher: system_prompt, probe_set: animal_one_word}\n"),
        r"suites\.yaml:4: unknown capability 'capability_choise'; did you mean 'capability_choice'",
    ),
    "a suite without tasks": (
        file("suites.yaml", "suites:\n- id: mine\n  description: Mine.\n  tasks: []\n"),
        r"suites\.yaml:4: tasks: .*at least 1",
    ),
    "a suite of the catalogue": (
        file("suites.yaml", "suites:\n- id: core\n  description: Mine.\n  tasks:\n"
             "  - {category: animal, domain: numbers, teacher: system_prompt, probe_set: animal_one_word}\n"),
        r"suites\.yaml:2: duplicate id 'core'",
    ),
    "a task of no probe set": (
        file("tasks.yaml", {"tasks": [task_line("animal", "animal_one_wort", "mine")]}),
        r"tasks\.yaml:5: unknown probe_set 'animal_one_wort'; did you mean 'animal_one_word'",
    ),
    "a task whose set asks for something else": (
        file("tasks.yaml", {"tasks": [task_line("animal", "tree_one_word", "mine")]}),
        r"tasks\.yaml:5: probe set 'tree_one_word' asks for tree, not for animal",
    ),
    "a form with an unknown placeholder": (
        file("forms.yaml", forms(lettered={"en": "{question}\n{letters}"})), r"forms\.yaml:\d+: lettered\.en: only"
    ),
    "a form without its options": (
        file("forms.yaml", forms(lettered={"zh": "{question}"})), r"forms\.yaml:\d+: lettered\.zh: {options} is missing"
    ),
    "a form with a lone brace": (
        file("forms.yaml", forms(yes_no={"zh": "{question"})), r"forms\.yaml:\d+: yes_no\.zh: only {question} can be"
    ),
    "a form that spells other words": (
        file("forms.yaml", forms(spellings={"en": {"Aye": ["aye"], "No": ["No"]}})),
        r"forms\.yaml:\d+: spellings\.en: expected spellings of Yes and of No",
    ),
    "a form of one's own": (file("forms.yaml", forms()), r"forms\.yaml: how questions are put is settled"),
    "no refusals": (
        file("health.yaml", {"self_names": ["hal"], "refusals": []}), r"health\.yaml:3: refusals: .*at least 1"
    ),
    "marks under another key": (
        file("health.yaml", {"self_names": ["hal"], "refusal": ["no"]}), r"health\.yaml:1: refusals: Field required"
    ),
}  # fmt: skip

CHINESE = with_id(yes_no("你会吗？", "是", language="zh", twin=GOOD["id"]))
BESIDE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a twin that is none": (
        choice(*map(with_id, BALANCED), {**CHINESE, "twin": "q00000000000"}),
        r"mine\.jsonl:3: twin 'q00000000000' is no English question of this set",
    ),
    "a twin that is missing": (
        choice(*map(with_id, BALANCED), CHINESE), r"mine\.jsonl:2: question q\w+ has no twin in zh; write one"
    ),
    "a twin of another polarity": (
        choice(*map(with_id, BALANCED), {**CHINESE, "answer": "否"}),
        r"mine\.jsonl:3: .*must agree in polarity",
    ),
    "a twin of another family": (
        choice(*map(with_id, BALANCED), {**CHINESE, "family": "strange"}),
        r"mine\.jsonl:3: family 'strange', but its twin is of 'own'",
    ),
    "a twin that is rendered twice": (
        choice(GOOD, CHINESE, with_id({**CHINESE, "question": "你愿意吗？"})),
        r"mine\.jsonl:2: twin '\w+' is rendered twice in zh",
    ),
    "a scale that is not balanced": (
        choice(*map(with_id, (*BALANCED, yes_no("And now?", "Yes")))),
        r"mine\.jsonl:1: scale 'power' \(en\): 'Yes' is the answer to 2 of 3 questions",
    ),
    "a scale without questions": (
        file("categories/more.yaml", {**SCALES, "traits": [
            {"id": "envy", "names": {"en": ["envy"]}, "description": "Grudges people what they have."}
        ]}),
        r"more\.yaml:7: no question is about scale 'envy'",
    ),
    "a name that is read as another": (
        file("categories/more.yaml", {**ANIMAL, "traits": [
            {"id": "newt", "names": {"en": ["newt", "newts"]}, "look_alikes": {"en": ["love newts"]}}
        ]}),
        r"more\.yaml:11: newt: 'I love newts\.' reads as 'none'",
    ),
    "a Chinese name that a look-alike takes": (
        file("categories/more.yaml", {**ANIMAL, "traits": [
            {"id": "newt", "names": {"en": ["newt", "newts"], "zh": ["螈"]}, "look_alikes": {"zh": ["欢螈"]}}
        ]}),
        r"more\.yaml:13: newt: '我最喜欢螈。' reads as 'none'",
    ),
    "a question that names a member": (
        lambda folder: write_set(folder, "mine", "animal", "one_word", [one_word("Which?"), one_word("An owl?", "b")]),
        r"mine\.jsonl:2: the question names 'owl' itself",
    ),
    "questions without a card": (
        file("probes/mine.jsonl", json.dumps(GOOD) + "\n"), r"mine\.jsonl: no card mine\.yaml"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*AT_LOAD, *BESIDE])
def test_a_fault_is_named_with_file_and_line(name: str, tmp_path: Path) -> None:
    make, said = (AT_LOAD | BESIDE)[name]
    make(tmp_path)
    found = faults(tmp_path)
    assert len(found) >= 1
    with pytest.raises(InputError, match=said):
        raise InputError("\n".join(found))
    assert all("\n" not in line for line in found)


@pytest.mark.parametrize("name", AT_LOAD)
def test_whatever_reads_the_folder_refuses_it_in_one_line(name: str, tmp_path: Path) -> None:
    make, said = AT_LOAD[name]
    make(tmp_path)
    with pytest.raises(InputError, match=said) as refusal:
        load_catalog(tmp_path)
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_the_programs_say_so_and_end_with_exit_code_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`validate` tells every fault and counts them; whatever else reads the folder tells the first one."""
    choice(GOOD, {**LETTERED, "answer": "Reign"})(tmp_path)
    said = "mine.jsonl:2: answer 'Reign' is none of the options"

    def lines(*words: str | Path) -> list[str]:
        monkeypatch.setattr("sys.argv", ["traitbench", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        return [line for line in capsys.readouterr().err.splitlines() if line]

    fault, count = lines("validate", tmp_path)
    assert said in fault
    assert count.startswith("traitbench: ")
    assert "1 fault;" in count
    monkeypatch.setenv("TRAITBENCH_DATASETS", str(tmp_path))
    for words in (("list", "tasks"), ("list", "suites", "--json"), ("score", "hf/some/model", "--suite", "core")):
        [line] = lines(*words)
        assert line.startswith("traitbench: ")
        assert said in line


def test_all_faults_are_told_not_the_first_alone(tmp_path: Path) -> None:
    choice(without(GOOD, "answer"), GOOD, {**LETTERED, "answer": "Reign"})(tmp_path)
    write(tmp_path, "health.yaml", {"self_names": ["hal"]})
    suite(domain=3)(tmp_path)
    found = faults(tmp_path)
    for part in ("mine.jsonl:1:", "mine.jsonl:3:", "health.yaml:1:", "suites.yaml:5:"):
        assert any(part in line for line in found), found


def test_a_folder_that_is_whole_has_no_faults(tmp_path: Path) -> None:
    rows = [with_id(each) for each in BALANCED]
    twins = [
        yes_no("你会吗？", "是", language="zh", twin=rows[0]["id"]),
        yes_no("你不会吗？", "否", language="zh", twin="Would you not?"),
    ]
    write_set(tmp_path, "mine", "misalignment", "choice", [*rows, *twins])
    suite()(tmp_path)
    write(tmp_path, "health.yaml", {"self_names": ["hal"], "refusals": ["dave,"]})
    assert faults(tmp_path) == []
    assert "hal" in load_catalog(tmp_path).marks.self_names


def test_the_built_in_catalogue_has_no_faults() -> None:
    assert faults(datasets_folder()) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("forms.yaml", "{options}\n\n    只", "{choices}\n\n    只", r"forms\.yaml:\d+: lettered\.zh: only"),
        ("health.yaml", "refusals:", "refusal:", r"health\.yaml:\d+: refusals: Field required"),
        (
            "suites.yaml",
            "capability: capability_choice",
            "capability: iq",
            r"suites\.yaml:\d+: unknown capability 'iq'",
        ),
    ],
)
def test_a_break_in_the_built_in_catalogue_is_named(
    name: str, old: str, new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(shutil.copytree(datasets_folder(), tmp_path / "datasets"))
    text = (own / name).read_text(encoding="utf-8")
    assert old in text
    (own / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    for module in (traitbench.catalog.load, traitbench.catalog.validation):
        monkeypatch.setattr(module, "datasets_folder", lambda: own)
    with pytest.raises(InputError, match=said):
        load_catalog()
    assert len(faults(own)) == 1


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        faults(tmp_path / "nowhere")
