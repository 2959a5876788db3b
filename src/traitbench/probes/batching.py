"""How do samples that Inspect runs at the same time share the work of one model.

Whoever comes first works for all that wait; those that come meanwhile wait for the next turn, which takes them all.
There is no clock and no polling: a lone question is answered at once, and a crowd in as few turns as it can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# One batch at a time is on the device, whichever task it belongs to.
_device = anyio.CapacityLimiter(1)


@dataclass(eq=False)
class _Request(Generic[Question, Answer]):
    question: Question
    outcome: Answer | Exception | None = None


class Batcher(Generic[Question, Answer]):
    """Answers questions together, in a worker thread."""

    def __init__(self, work: Callable[[list[Question]], list[Answer]]) -> None:
        """`work` answers a list of questions, in order. What it raises for several is looked for one by one."""
        self._work = work
        self._waiting: list[_Request[Question, Answer]] = []
        self._turn = anyio.Lock()

    async def ask(self, question: Question) -> Answer:
        """The answer to one question, or the error that this question alone raises.

        A caller that is cancelled leaves the queue; if it was its turn to work, the next one works.
        """
        request: _Request[Question, Answer] = _Request(question)
        self._waiting.append(request)
        try:
            await anyio.lowlevel.checkpoint()  # lets those that are ready to ask join this turn
            async with self._turn:
                if request.outcome is None:
                    await self._take_turn()
        finally:
            if request in self._waiting:
                self._waiting.remove(request)
        assert request.outcome is not None
        if isinstance(request.outcome, Exception):
            raise request.outcome
        return request.outcome

    async def _take_turn(self) -> None:
        turn = list(self._waiting)
        questions = [request.question for request in turn]
        outcomes = await anyio.to_thread.run_sync(self._outcomes, questions, limiter=_device)
        for request, outcome in zip(turn, outcomes, strict=True):
            request.outcome = outcome
        self._waiting = [request for request in self._waiting if request.outcome is None]

    def _outcomes(self, questions: list[Question]) -> list[Answer | Exception]:
        try:
            return list(self._work(questions))
        except Exception as error:
            if len(questions) == 1:
                return [error]
            return [outcome for question in questions for outcome in self._outcomes([question])]
