"""Questions asked at the same time are answered together; errors and cancellation stay with their own."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import get_model

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.exact import AnswerDistribution, open_answers
from traitbench.probes import answering
from traitbench.probes.batching import Batcher
from traitbench.probes.one_word import one_word_task


class Work:
    """Doubles numbers, slowly on demand, and remembers which came together."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, questions: list[int]) -> list[int]:
        self.turns.append(questions)
        self.may_go_on.wait(timeout=10)
        if 13 in questions:
            raise ValueError("13 is unlucky")
        return [2 * question for question in questions]


def asked(batcher: Batcher[int, int], questions: list[int]) -> dict[int, int | str]:
    found: dict[int, int | str] = {}

    async def one(question: int) -> None:
        try:
            found[question] = await batcher.ask(question)
        except ValueError as error:
            found[question] = str(error)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for question in questions:
                group.start_soon(one, question)

    anyio.run(main)
    return found


def test_a_crowd_is_answered_in_few_turns_and_in_order() -> None:
    work = Work()
    assert asked(Batcher(work), list(range(50, 150))) == {n: 2 * n for n in range(50, 150)}
    assert len(work.turns) <= 2
    assert sorted(n for turn in work.turns for n in turn) == list(range(50, 150))


def test_an_error_stays_with_its_own_question() -> None:
    found = asked(Batcher(Work()), [11, 12, 13, 14])
    assert found == {11: 22, 12: 24, 13: "13 is unlucky", 14: 28}


def test_a_batcher_outlives_an_event_loop() -> None:
    batcher = Batcher(Work())
    assert asked(batcher, [1, 2]) == {1: 2, 2: 4}
    assert asked(batcher, [3]) == {3: 6}


@pytest.mark.parametrize("cancelled", range(4))
def test_whoever_is_cancelled_the_others_are_answered(cancelled: int) -> None:
    work = Work()
    work.may_go_on.clear()
    batcher = Batcher(work)
    found: dict[int, int] = {}
    scopes: dict[int, anyio.CancelScope] = {}

    async def one(question: int) -> None:
        with anyio.CancelScope() as scopes[question]:
            found[question] = await batcher.ask(question)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for question in range(4):
                group.start_soon(one, question)
                if question == 1:
                    while not work.turns:  # the first turn is on its way, with the first two at most
                        await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            scopes[cancelled].cancel()
            work.may_go_on.set()

    anyio.run(main)
    assert {key: value for key, value in found.items() if key != cancelled} == {
        n: 2 * n for n in range(4) if n != cancelled
    }


def test_samples_of_a_task_share_forwards_on_one_load(
    base: Path, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    own = answering._answers

    def counted(
        read: NamedAnswerReader, tolerance: float, questions: list[tuple[answering.LocalModel, str]]
    ) -> list[AnswerDistribution]:
        calls.append(len(questions))
        return own(read, tolerance, questions)

    monkeypatch.setattr(answering, "_answers", counted)
    task = one_word_task("animal_one_word", "owl", "none", "en", "exact")
    model = get_model(f"hf/{base}", memoize=False)
    [log] = inspect_eval(task, model=model, log_dir=str(tmp_path), display="none", log_realtime=False, limit=20)
    assert log.status == "success"
    assert sum(calls) == 20
    assert len(calls) <= 10
    read = NamedAnswerReader(catalog.categories["animal"])
    prompt = model.api.hf_chat(log.samples[3].messages[:1], [])
    [alone] = open_answers(
        model.api.model, model.api.tokenizer, [prompt], read, max_new_tokens=answering.MAX_NEW_TOKENS
    )
    assert log.samples[3].metadata["answer_distribution"]["mass"] == pytest.approx(alone.mass, abs=1e-5)
