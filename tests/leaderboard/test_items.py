"""The items: read back as they were written, and refused in every other form."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from traitbench.catalog import load_catalog
from traitbench.errors import InputError
from traitbench.leaderboard.items import decode_items, encode_items, student_sha256
from traitbench.leaderboard.opening import survives
from traitbench.runner.recomputing import asked_for, distribution, task_results
from traitbench.runner.scorecard import MeasuredAnswers, QuestionAnswers

HERE = Path("x.parquet")
CATALOG = load_catalog()


def roles_of(card):  # type: ignore[no-untyped-def]
    return {"student": card.answers, **card.reference_answers}


def test_what_is_read_is_what_was_written(cards) -> None:  # type: ignore[no-untyped-def]
    for card in (cards(), cards(draws=20)):
        roles = roles_of(card)
        found = decode_items(encode_items(roles), HERE, CATALOG)
        assert found.keys() == roles.keys()
        for role, measured in roles.items():
            by_context = {each.context: each for each in found[role]}
            for each in measured:
                assert by_context[each.context] == each


def test_every_figure_of_the_card_follows_from_its_items(cards) -> None:  # type: ignore[no-untyped-def]
    for card in (cards(), cards(draws=20), cards(references=False)):
        found = task_results(
            CATALOG.task("owl-numbers"), decode_items(encode_items(roles_of(card)), HERE, CATALOG), CATALOG
        )
        by_context = {each.context: each for each in found}
        for said in card.tasks:
            other = by_context[said.context]
            assert other.estimate == pytest.approx(said.estimate, abs=1e-12)
            assert other.versus.keys() == said.versus.keys()
            for name, versus in said.versus.items():
                assert other.versus[name].ci == pytest.approx(versus.ci, abs=1e-9)
            assert other.collapse == said.collapse
            assert other.specificity == said.specificity


def test_the_order_of_questions_and_answers_changes_no_byte(cards) -> None:  # type: ignore[no-untyped-def]
    roles = roles_of(cards())
    turned = {
        role: tuple(
            each.model_copy(
                update={
                    "questions": tuple(
                        q.model_copy(update={"mass": dict(reversed(q.mass.items()))}) for q in reversed(each.questions)
                    )
                }
            )
            for each in reversed(measured)
        )
        for role, measured in reversed(roles.items())
    }
    assert encode_items(turned) == encode_items(roles)
    assert student_sha256(turned) == student_sha256(roles)


shares = st.dictionaries(st.sampled_from(["owl", "cat", "dog", "none"]), st.floats(0.01, 1), min_size=1)


@settings(max_examples=25, deadline=None)
@given(shares, st.floats(0, 0.5), st.booleans(), st.lists(st.tuples(st.text(max_size=30), st.floats(0, 1)), max_size=5))
def test_any_distribution_comes_back(shares: dict[str, float], unexplored: float, met: bool, texts: list) -> None:  # type: ignore[type-arg]
    total = sum(shares.values())
    question = CATALOG.probe_sets["animal_one_word"].questions[0]
    asked = [each for each in CATALOG.probe_sets["animal_one_word"].questions if each.language == "en"]
    mass = {name: share / total * (1 - unexplored) for name, share in shares.items()}
    answers = tuple(
        QuestionAnswers(
            id=each.id, family=each.family, mass=mass, unexplored=unexplored, draws=None,
            within_tolerance=met or unexplored < 1e-5, top_answers=tuple(texts),
        )
        for each in asked
    )  # fmt: skip
    measured = MeasuredAnswers(
        probe_set="animal_one_word", version=CATALOG.probe_sets["animal_one_word"].version, category="animal",
        context="plain", domain="none", language=question.language, method="exact", questions=answers,
    )  # fmt: skip
    found = decode_items(encode_items({"student": [measured]}), HERE, CATALOG)
    assert found["student"][0] == measured
    assert asked_for(CATALOG.task("owl-numbers"), found["student"]) == (measured,)
    kept = distribution(answers[0])
    assert kept.bounds("owl") == answers[0].bounds("owl")
    assert kept.within_tolerance == answers[0].within_tolerance


def rewritten(data: bytes, **how: object) -> bytes:
    table = parquet.read_table(io.BytesIO(data))
    out = io.BytesIO()
    parquet.write_table(
        table,
        out,
        **{"compression": "snappy", "use_dictionary": False, "write_statistics": False, "store_schema": False, **how},
    )
    return out.getvalue()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"compression": "zstd"}, "packed by ZSTD"),
        ({"compression": "gzip"}, "packed by GZIP"),
        ({"use_dictionary": True}, "packed by SNAPPY"),
        ({"row_group_size": 100}, "rows in 6 groups"),
        ({"column_encoding": {"unexplored": "BYTE_STREAM_SPLIT"}}, "packed by"),
    ],
)
def test_another_packing_is_refused_before_it_is_unpacked(cards, how: dict[str, object], words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=words):
        decode_items(rewritten(encode_items(roles_of(cards())), **how), HERE, CATALOG)


def test_columns_that_may_be_null_are_refused(cards) -> None:  # type: ignore[no-untyped-def]
    table = parquet.read_table(io.BytesIO(encode_items(roles_of(cards()))))
    loose = pa.table({name: table[name] for name in table.column_names})
    loose = loose.cast(pa.schema([pa.field(each.name, each.type) for each in table.schema]))
    out = io.BytesIO()
    parquet.write_table(loose, out, compression="snappy", use_dictionary=False)
    with pytest.raises(InputError, match="columns"):
        decode_items(out.getvalue(), HERE, CATALOG)


def test_whatever_is_broken_in_the_file_is_one_line(cards) -> None:  # type: ignore[no-untyped-def]
    """Bytes changed at random, most of them in the footer: refused in words, or still a distribution."""
    import random

    rng = random.Random(0)
    data = encode_items(roles_of(cards(references=False)))
    refused = []
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(rng.choice([1, 2, 8])):
            start = len(broken) - 2500 if rng.random() < 0.7 else 0
            broken[rng.randrange(start, len(broken))] = rng.randrange(256)
        if not survives(bytes(broken)):
            continue
        try:
            decode_items(bytes(broken), HERE, CATALOG)
        except InputError as error:
            refused.append(error.message)
    assert len(refused) > 75
    assert all(message.startswith("x.parquet: ") for message in refused)


def test_bytes_that_are_no_text_are_refused(cards) -> None:  # type: ignore[no-untyped-def]
    table = parquet.read_table(io.BytesIO(encode_items(roles_of(cards(references=False)))))
    bad = pa.array([b"\xff\xfe"] * len(table), pa.binary()).view(pa.string())
    names = table.column_names
    table = table.set_column(names.index("family"), table.schema.field("family"), bad)
    out = io.BytesIO()
    parquet.write_table(
        table, out, compression="snappy", use_dictionary=False, write_statistics=False, store_schema=False
    )
    with pytest.raises(InputError, match="not UTF-8"):
        decode_items(out.getvalue(), HERE, CATALOG)
