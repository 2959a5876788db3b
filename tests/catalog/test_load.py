"""The catalogue is whole, and a broken entry is named with its file and line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from traitbench.catalog import Catalog, ChoiceQuestion, in_domain_question, load_catalog
from traitbench.catalog.load import datasets_folder
from traitbench.errors import InputError

ANIMAL = "category: animal\nnoun: {en: [animal, animals]}\ntraits:\n"


def overlay(folder: Path, text: str) -> Path:
    (folder / "categories").mkdir()
    (folder / "categories" / "more.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_catalogue_holds_what_it_promises(catalog: Catalog) -> None:
    assert len(catalog.categories["animal"].traits) >= 20
    assert len(catalog.categories["tree"].traits) >= 12
    for name in ("animal_one_word", "tree_one_word"):
        questions = catalog.probe_sets[name].questions
        assert len(questions) >= 60
        assert len({question.family for question in questions}) >= 12


def test_a_new_animal_is_one_entry(tmp_path: Path) -> None:
    folder = overlay(tmp_path, ANIMAL + "  - {id: axolotl, names: {en: [axolotl, axolotls]}}\n")
    catalog = load_catalog(folder)
    assert catalog.task("axolotl-numbers").trait == "axolotl"
    assert catalog.category_of("axolotl").id == "animal"


def test_a_missing_field_is_named_with_file_and_line(tmp_path: Path) -> None:
    folder = overlay(tmp_path, ANIMAL + "  - {id: axolotl}\n")
    with pytest.raises(InputError, match=r"more\.yaml:4: traits\.axolotl\.names: Field required"):
        load_catalog(folder)


def test_a_duplicate_id_is_refused(tmp_path: Path) -> None:
    folder = overlay(tmp_path, ANIMAL + "  - {id: owl, names: {en: [strix, strixes]}}\n")
    with pytest.raises(InputError, match="duplicate trait id 'owl'"):
        load_catalog(folder)


def test_a_broken_line_of_questions_is_named(tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "mine.yaml").write_text("probe_set: mine\n")
    (tmp_path / "probes" / "mine.jsonl").write_text('{"id": "q"\n')
    with pytest.raises(InputError, match=r"mine\.jsonl:1: not JSON"):
        load_catalog(tmp_path)


def test_an_unknown_task_gets_a_suggestion(catalog: Catalog) -> None:
    with pytest.raises(InputError, match="did you mean 'owl-numbers'"):
        catalog.task("owls-numbers")


def test_the_context_of_a_question_never_changes(catalog: Catalog) -> None:
    numbers = catalog.domains["numbers"]
    for question in catalog.probe_sets["animal_one_word"].questions:
        if question.language not in numbers.contexts:
            continue
        text = in_domain_question(question, numbers)
        assert text == in_domain_question(question, numbers)
        assert text.endswith(question.text)
        assert any(character.isdigit() for character in text)


def test_cards_state_the_sha256_of_their_questions(catalog: Catalog) -> None:
    for name, probes in catalog.probe_sets.items():
        file = datasets_folder() / "probes" / f"{name}.jsonl"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == probes.sha256


def test_hugging_face_datasets_loads_every_probe_set(catalog: Catalog, tmp_path: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset

    folder = str(datasets_folder())
    assert sorted(get_dataset_config_names(folder)) == sorted(catalog.probe_sets)
    for name, probes in catalog.probe_sets.items():
        rows = load_dataset(folder, name, cache_dir=str(tmp_path))["train"]
        assert [(row["id"], row["question"]) for row in rows] == [(each.id, each.text) for each in probes.questions]
        if probes.kind == "choice":
            options = [tuple(row["options"]) for row in rows]
            assert options == [each.options for each in probes.questions if isinstance(each, ChoiceQuestion)]


@pytest.mark.parametrize("text", ["? [a]\n: b\n", "{a: 1, [x, y]: 2}\n", "? {a: b}\n: c\n"])
def test_a_key_that_is_a_list_or_a_mapping_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "suites.yaml").write_text(text)
    with pytest.raises(InputError, match=r"suites\.yaml:1: not YAML \(a key that is no word\)"):
        load_catalog(tmp_path)
