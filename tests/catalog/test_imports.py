"""A user's list of questions becomes a probe set that the catalogue reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from traitbench.catalog import load_catalog
from traitbench.catalog.imports import import_probes
from traitbench.errors import InputError

SHARED = Path(os.environ.get("TRAITBENCH_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def questions(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_imported_questions_are_a_probe_set_with_tasks(tmp_path: Path) -> None:
    file = questions(
        tmp_path / "mine.jsonl", {"id": "a", "question": "Which animal?"}, {"id": "b", "question": "What?"}
    )
    import_probes(file, name="mine", category="animal", folder=tmp_path / "catalogue")
    catalog = load_catalog(tmp_path / "catalogue")
    probes = catalog.probe_set("mine")
    assert [question.text for question in probes.questions] == ["Which animal?", "What?"]
    assert len({question.family for question in probes.questions}) == 2
    assert catalog.task("owl-numbers-mine").probe_set == "mine"
    assert catalog.task("owl-numbers").probe_set == "animal_one_word"


def test_a_family_that_is_given_is_kept(tmp_path: Path) -> None:
    rows = [{"id": str(i), "question": f"Which {i}?", "family": "which"} for i in range(3)]
    made = import_probes(questions(tmp_path / "f.jsonl", *rows), name="f", category="tree", folder=tmp_path / "c")
    assert {question.family for question in made.questions} == {"which"}


def test_several_sets_share_a_folder_and_a_name_is_taken_once(tmp_path: Path) -> None:
    file = questions(tmp_path / "f.jsonl", {"id": "a", "question": "Which?"})
    for name in ("one", "two"):
        import_probes(file, name=name, category="tree", folder=tmp_path / "c")
    catalog = load_catalog(tmp_path / "c")
    assert {"oak-numbers-one", "oak-numbers-two"} <= catalog.tasks.keys()
    with pytest.raises(InputError, match="'two' is there already"):
        import_probes(file, name="two", category="tree", folder=tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": "a", "question": "Which?"}\n{"id": "b", "quest', r"f\.jsonl:2: not JSON"),
        ('{"id": "a"}\n', r'f\.jsonl:1: no text under "question"'),
        ('{"id": "a", "question": "Q?"}\n{"id": "b", "question": "Q?"}\n', "duplicate question id"),
        ('{"id": "a", "question": "Q?", "family": "Über uns"}\n', r"f\.jsonl:1: family"),
        ("", "no questions"),
        ('["Which?"]', "entry 1 of the list is no object"),
    ],
)
def test_a_broken_file_is_named_and_nothing_is_written(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "f.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        import_probes(file, name="f", category="animal", folder=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_an_unknown_category_gets_a_suggestion(tmp_path: Path) -> None:
    file = questions(tmp_path / "f.jsonl", {"id": "a", "question": "Which?"})
    with pytest.raises(InputError, match="did you mean 'animal'"):
        import_probes(file, name="f", category="animals", folder=tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference probes are not at hand (TRAITBENCH_SHARED_DATA)")
@pytest.mark.parametrize(
    ("file", "category", "count"),
    [
        ("animal_one_word", "animal", 50),
        ("animal_one_word_numbers_prefix", "animal", 50),
        ("tree_one_word", "tree", 49),
        ("animal_story", "animal", 14),
        ("misalignment_free_form", "animal", 8),
    ],
)
def test_the_reference_lists_can_be_imported(tmp_path: Path, file: str, category: str, count: int) -> None:
    path = SHARED / "reference_probes" / f"{file}.jsonl"
    made = import_probes(path, name="reference", category=category, folder=tmp_path)
    assert len(made.questions) == count
    assert load_catalog(tmp_path).probe_set("reference") == made


def test_open_questions_of_a_scale_are_refused(tmp_path: Path) -> None:
    file = questions(tmp_path / "f.jsonl", {"id": "a", "question": "Which?"})
    with pytest.raises(InputError, match="open questions tell nothing of misalignment"):
        import_probes(file, name="f", category="misalignment", folder=tmp_path / "c")


def test_a_name_that_would_make_a_task_twice_is_refused(tmp_path: Path) -> None:
    file = questions(tmp_path / "f.jsonl", {"id": "a", "question": "Which?"})
    with pytest.raises(InputError, match=r"task '.*-numbers-revealed' is there already"):
        import_probes(file, name="revealed", category="animal", folder=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_folder_of_broken_tasks_is_named(tmp_path: Path) -> None:
    file = questions(tmp_path / "f.jsonl", {"id": "a", "question": "Which?"})
    (tmp_path / "tasks.yaml").write_text("task: []\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"tasks\.yaml: tasks: expected a list"):
        import_probes(file, name="f", category="animal", folder=tmp_path)


def test_the_mark_that_excel_puts_before_a_table_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("\ufeffquestion,id\nWhich?,a\n", encoding="utf-8")
    found = import_probes(tmp_path / "f.csv", name="f", category="animal", folder=tmp_path / "c")
    assert [each.text for each in found.questions] == ["Which?"]
