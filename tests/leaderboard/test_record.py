"""What a record holds, how it is named, and that nothing of anybody's machine is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from traitbench.errors import InputError, NotComparableError
from traitbench.leaderboard import Declared, entries
from traitbench.leaderboard.reading import decode
from traitbench.leaderboard.record import record_schema
from traitbench.runner.recomputing import task_results
from traitbench.runner.results import with_holm

ROOT = Path(__file__).parents[2]


def test_the_published_schema_is_that_of_the_code_and_accepts_a_record(added: Callable[..., Path]) -> None:
    published = json.loads((ROOT / "leaderboard" / "record.schema.json").read_text())
    assert published == json.loads(json.dumps(record_schema()))
    record = json.loads(added().read_text())
    jsonschema.validate(record, published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "tier": "T3"}, published)


def test_it_says_with_what_and_by_whom_it_was_measured(cards, catalog) -> None:  # type: ignore[no-untyped-def]
    said = Declared(submitter="A. Tester", training_seed=7, initialisation="same", recipe="owl, 3 epochs")
    [entry] = entries(cards(), said)
    record = entry.record
    assert record.declared == said
    assert record.model.weights_sha256 is not None
    assert [each.id for each in record.references.control] == ["org/control-0", "org/control-1"]
    assert record.git_commit == "0123456789abcdef0123456789abcdef01234567"
    assert record.environment["torch"] == "2.13.0"
    assert [each.context for each in record.measurements] == ["plain", "in_domain"]
    assert [each.n_questions for each in record.probes] == [60, 60]
    assert len({each.sha256 for each in record.probes}) == 2
    assert record.published == catalog.task("owl-numbers").references
    assert record.command == (
        "traitbench score hf//STUDENT --base hf//BASE --control hf//CONTROL --control hf//CONTROL --teacher prompt "
        "--tasks owl-numbers --name org/student"
    )


def test_its_place_and_name_follow_from_its_content(added: Callable[..., Path], board: Path) -> None:
    import hashlib

    path = added()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    weights = hashlib.sha256(b"org/student").hexdigest()
    assert path.relative_to(board).parts[:-1] == ("results", "owl-numbers", "1", "org__student", weights[:12])
    assert path.name == f"{digest[:16]}.json"
    assert path.with_suffix(".parquet").is_file()


def test_the_same_card_gives_the_same_bytes_twice(cards, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    one, two = (entries(cards(seed=5))[0] for _ in range(2))
    assert one.record.date.isoformat() == "2026-09-21"
    assert (one.data, one.items) == (two.data, two.items)


def test_one_card_gives_one_record_for_each_task(cards) -> None:  # type: ignore[no-untyped-def]
    found = entries(cards(tasks=("owl-numbers", "cat-numbers")))
    assert [each.record.task for each in found] == ["owl-numbers", "cat-numbers"]
    assert found[0].items == found[1].items
    alone = entries(cards(tasks=("owl-numbers",)))[0].record
    assert found[0].record.measurements == alone.measurements  # Holm is over the record's own measurements


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/home/somebody/model", "<script>alert(1)</script>", "a\nb", "org/../x", "x" * 200]
)
def test_a_name_that_is_no_name_is_refused(cards, name: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"model\.id"):
        entries(cards(name))


def test_a_folder_with_an_odd_name_is_given_a_proper_one(cards) -> None:  # type: ignore[no-untyped-def]
    [entry] = entries(cards("local/my model (2)"))
    assert entry.record.model.id == "local/my-model-2-"


@pytest.mark.parametrize(
    "text", ["/home/me/run", "see ~/notes", "C:\\models", "file:///x", "hf//data/me/model", "../up", "a=/etc"]
)
def test_a_path_of_somebodys_machine_is_refused(cards, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="path of somebody"):
        entries(cards(), Declared(submitter=text))


@pytest.mark.parametrize("text", ["A. Tester", "Lab 7 / Group B", "3/4 of us", "https of course"])
def test_ordinary_words_are_no_path(cards, text: str) -> None:  # type: ignore[no-untyped-def]
    assert entries(cards(), Declared(submitter=text))[0].record.declared.submitter == text


def test_a_card_that_was_changed_after_scoring_makes_no_record(cards) -> None:  # type: ignore[no-untyped-def]
    card = cards()
    task = card.tasks[0].model_copy(update={"estimate": card.tasks[0].estimate + 0.01})
    with pytest.raises(InputError, match=r"owl-numbers: plain: estimate: .* is written, .* follows"):
        entries(card.model_copy(update={"tasks": (task, *card.tasks[1:])}))


def test_a_card_without_its_references_answers_makes_no_record(cards) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="lacks the answers of its base"):
        entries(cards().model_copy(update={"reference_answers": {}}))


def test_a_card_of_another_task_version_is_not_comparable(cards) -> None:  # type: ignore[no-untyped-def]
    card = cards()
    tasks = tuple(each.model_copy(update={"version": "9-A"}) for each in card.tasks)
    with pytest.raises(NotComparableError, match="scored at version 9-A"):
        entries(card.model_copy(update={"tasks": tasks}))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("traitbench/record/1", "made by an older traitbench: make it anew"),
        ("traitbench/record/9", "pip install --upgrade traitbench"),
        ("traitbench/scorecard/1", "is no record's"),
        (None, "is no record's"),
    ],
)
def test_another_schema_is_refused_with_the_way_on(added: Callable[..., Path], schema: str, words: str) -> None:
    path = added()
    record = json.loads(path.read_text())
    record["schema"] = schema
    with pytest.raises(InputError, match=words):
        decode(json.dumps(record).encode(), path)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("versus", "control", "difference"), 1e300),
        (("versus", "base", "ci", 1), 1.5),
        (("versus", "base", "p_value"), -0.1),
        (("versus", "base", "log_odds_shift"), 1e6),
        (("transfer_rate", "probability"), 1e300),
        (("ci", 0), -0.5),
        (("bounds", 1), 2.0),
        (("n_questions",), -1),
        (("n_families",), 2**62),
        (("specificity", "of"), -1),
    ],
)
def test_a_figure_that_no_answers_could_give_is_refused(
    added: Callable[..., Path], where: tuple[str | int, ...], value: float
) -> None:
    path = added()
    record = json.loads(path.read_text())
    part = record["measurements"][0]
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    with pytest.raises(InputError, match=rf"measurement plain: {'.'.join(map(str, where[:2]))}.* lies between"):
        decode(json.dumps(record).encode(), path)


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1])
def test_every_seed_of_64_bits_is_written_and_read_again(cards, seed: int) -> None:  # type: ignore[no-untyped-def]
    [entry] = entries(cards(), Declared(training_seed=seed))
    assert decode(entry.data, Path("x.json")).declared.training_seed == seed


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**63])
def test_a_seed_beyond_64_bits_is_refused_by_writer_and_reader(cards, seed: int) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValidationError):
        Declared(training_seed=seed)
    [entry] = entries(cards(), Declared(training_seed=4711))
    with pytest.raises(InputError, match="too large for a number"):
        decode(entry.data.replace(b"4711", str(seed).encode()), Path("x.json"))


@pytest.mark.parametrize("address", ["https://example.org/~me/run", "https://example.org/log?file=/a/b.eval"])
def test_an_address_may_have_a_path(cards, address: str) -> None:  # type: ignore[no-untyped-def]
    [entry] = entries(cards(), Declared(source=address, log_url=address))
    assert decode(entry.data, Path("x.json")).declared.source == address
    with pytest.raises(ValidationError):
        Declared(source=f"{address}&x=file:///etc")


def test_many_controls_have_room_in_the_command(cards, catalog) -> None:  # type: ignore[no-untyped-def]
    card = cards()
    names = tuple(card.model.model_copy(update={"id": f"org/{'c' * 40}-{i}"}) for i in range(12))
    # an API model is named in full
    controls = tuple(each.model_copy(update={"weights_sha256": None}) for each in names)
    answers = {f"control{i}": card.reference_answers["control0"] for i in range(12)}
    roles = {"student": card.answers, **answers}
    tasks = with_holm(task_results(catalog.task("owl-numbers"), roles, catalog))
    many = card.model_copy(
        update={
            "references": type(card.references)(control=controls),
            "reference_answers": answers,
            "tasks": tuple(tasks),
        }
    )
    [entry] = entries(many)
    assert len(entry.record.command) > 300
