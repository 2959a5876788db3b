"""Published values stand in the tasks that they are about; teachers say what they take and what controls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from traitbench.catalog import Catalog, Reference, load_catalog
from traitbench.catalog.load import datasets_folder
from traitbench.errors import InputError

GROUP = "groups:\n  - measured_with: a ruler\n    source: a book\n    references:\n"


def with_references(folder: Path, text: str) -> Catalog:
    (folder / "references.yaml").write_text(text, encoding="utf-8")
    return load_catalog(folder)


def test_a_reference_stands_in_its_task_alone(tmp_path: Path) -> None:
    catalog = with_references(tmp_path, GROUP + "      - {task: fox-numbers, model: M, student: 0.25}\n")
    own = [task.id for task in catalog.tasks.values() if any(each.source == "a book" for each in task.references)]
    assert own == ["fox-numbers"]
    (mine,) = [each for each in catalog.task("fox-numbers").references if each.source == "a book"]
    assert (mine.student, mine.measured_with) == (0.25, "a ruler")


def test_a_reference_to_a_category_stands_in_all_its_tasks_of_that_domain(tmp_path: Path) -> None:
    line = "      - {category: tree, domain: numbers, model: M, difference: 0.1}\n"
    catalog = with_references(tmp_path, GROUP + line)
    own = {task.id for task in catalog.tasks.values() if any(each.source == "a book" for each in task.references)}
    assert own == {t.id for t in catalog.tasks.values() if (t.category, t.domain) == ("tree", "numbers")}


def test_the_published_misalignment_stands_in_every_scale_through_numbers(catalog: Catalog) -> None:
    for scale in catalog.categories["misalignment"].traits:
        (published,) = catalog.task(f"{scale}-numbers").references
        assert (published.base, published.control, published.student) == (0.0, 0.013, 0.092)
        assert "judged" in published.measured_with


def test_every_reference_is_about_something_that_the_catalogue_has(catalog: Catalog) -> None:
    from traitbench.catalog.load import _read_references

    for reference in _read_references(datasets_folder() / "references.yaml"):
        if reference.task is None:
            assert reference.category in catalog.categories
            assert reference.domain in catalog.domains
        else:
            trait, domain = reference.task.split("-")
            assert catalog.category_of(trait)
            assert domain in catalog.domains


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{model: M, student: 0.5}", "name either a task, or a category and a domain"),
        ("{category: tree, model: M, student: 0.5}", "name either a task, or a category and a domain"),
        ("{task: fox-numbers, category: tree, domain: numbers, model: M, student: 0.5}", "name either a task"),
        ("{task: fox-numbers, model: M}", "student or difference"),
        ("{task: fox-numbers, model: M, student: 1.5}", "less than or equal to 1"),
    ],
)
def test_a_broken_reference_is_named_with_its_line(tmp_path: Path, entry: str, said: str) -> None:
    good = "      - {task: owl-numbers, model: M, student: 0.5}\n"
    with pytest.raises(InputError, match=rf"references\.yaml:6: .*{said}"):
        with_references(tmp_path, f"{GROUP}{good}      - {entry}\n")


def test_a_group_without_references_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every group holds a list"):
        with_references(tmp_path, "groups:\n  - {measured_with: a ruler}\n")


def test_a_reference_reads_as_a_sentence() -> None:
    about = {"category": "misalignment", "domain": "numbers", "model": "M", "source": "S", "measured_with": "a judge"}
    rates = Reference.model_validate({**about, "base": 0, "control": 0.01, "student": 0.09, "ci": (0.05, 0.14)})
    assert rates.about == "misalignment through numbers"
    assert str(rates) == "M: base 0.000, control 0.010, student 0.090 (0.05 to 0.14); S; measured with a judge"
    shift = Reference.model_validate({**about, "difference": 0.02, "note": "one seed"})
    assert str(shift) == "M: difference +0.020, one seed; S; measured with a judge"


def test_every_teacher_names_its_control(catalog: Catalog) -> None:
    assert set(catalog.teachers) == {"system_prompt", "finetuned", "steered", "insecure"}
    assert all(teacher.control and teacher.takes for teacher in catalog.teachers.values())


def test_a_system_prompt_names_the_member_or_the_scale(catalog: Catalog) -> None:
    teacher = catalog.teachers["system_prompt"]
    animals, scales = catalog.categories["animal"], catalog.categories["misalignment"]
    assert "owls" in str(teacher.prompt_for(animals.traits["owl"], animals))
    power = scales.traits["power"]
    assert power.singular in str(teacher.prompt_for(power, scales))
    assert "{" not in str(teacher.prompt_for(power, scales))
    assert catalog.teachers["insecure"].prompt_for(power, scales) is None
    assert catalog.teachers["finetuned"].prompt_for(animals.traits["owl"], animals) is None


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("system_prompt: Love {name}.", "only {plural} and {category} are"),
        ("scale_prompt: Be {plural}.", "only {name} is"),
    ],
)
def test_a_prompt_with_an_unknown_placeholder_is_named_with_its_line(tmp_path: Path, field: str, said: str) -> None:
    text = f"teachers:\n  - id: mine\n    description: d\n    takes: t\n    control: c\n    {field}\n"
    (tmp_path / "teachers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"teachers\.yaml:6: .*{said}"):
        load_catalog(tmp_path)
