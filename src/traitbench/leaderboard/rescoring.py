"""Do the weights answer as the record says? Some of its questions, chosen at random, are put to them again.

Only safetensors are read, and nothing of the checkpoint is run that transformers would not run for any model: remote
code stays off. Still, run this for weights that you would load anyway, and not on a machine with secrets.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from traitbench.catalog import Catalog, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.exact.distribution import AnswerDistribution
from traitbench.leaderboard.beside import items_of
from traitbench.leaderboard.making import today
from traitbench.leaderboard.record import Record
from traitbench.leaderboard.store import MaintainerRun, sign
from traitbench.leaderboard.verify import Verified
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.evaluate import Question, evaluate_some
from traitbench.runner.loading import Loader
from traitbench.runner.scorecard import MeasuredAnswers, QuestionAnswers

TOLERANCE = 0.01
"""How far the certified bounds of one answer may lie apart: other processors and batches move a probability by less."""
_EXPLORED = 0.01
"""What an answer that is computed again may leave unexplored."""


def rescore(found: Sequence[Verified], k: int, checkpoint: Checkpoint) -> list[Verified]:
    """The same findings, with T2 for the checkpoint's records whose answers came out again, and a fault otherwise.

    Args:
        found: of `verify`.
        k: questions of each record, over all its contexts; all of them where it has fewer.
        checkpoint: on this disk.

    Raises:
        InputError: the checkpoint cannot be read.
        NotComparableError: no record is of these weights with this adapter and chat template.
    """
    checkpoint.check()
    mine = checkpoint.identity()
    if mine.weights_sha256 is None:
        raise InputError(f"{checkpoint.model}: its weights cannot be identified; give a local copy: hf//path/to/model")
    catalog = load_catalog()
    if not any(_fits(each, checkpoint) for each in found):
        raise NotComparableError(
            f"{checkpoint.model}: weights {mine.weights_sha256[:12]}…, chat template "
            f"{(mine.chat_template_sha256 or 'none')[:12]}…: no record that stands verification is of these"
        )
    with Loader() as loader, loader.holding(checkpoint) as model:
        return [_again(each, k, model, checkpoint, catalog) if _fits(each, checkpoint) else each for each in found]


def _fits(each: Verified, checkpoint: Checkpoint) -> bool:
    mine = checkpoint.identity()
    if each.record is None or each.fault is not None or each.record.items is None:
        return False
    its = each.record.model
    return all(
        getattr(mine, name) == getattr(its, name)
        for name in ("weights_sha256", "adapter", "chat_template_sha256", "system_prompt_sha256")
    )


def _again(each: Verified, k: int, model: Any, checkpoint: Checkpoint, catalog: Catalog) -> Verified:
    record = each.record
    assert record is not None
    measured = items_of(each.path, record, catalog)["student"]
    if any(one.method == "sampled" for one in measured):
        return replace(each, why="its answers were drawn, and cannot be computed again")
    everything = [(one, question) for one in measured for question in one.questions]
    chosen = random.SystemRandom().sample(everything, min(k, len(everything)))
    fault = _fault(record, chosen, model, checkpoint, catalog)
    if fault is not None:
        return replace(each, tier=None, fault=f"{each.path}: {fault}")
    said = f"{len(chosen)} of {len(everything)} questions were scored again"
    return replace(each, tier="T3" if each.tier == "T3" else "T2", why=said, rescored=(len(chosen), len(everything)))


def _fault(
    record: Record,
    chosen: Sequence[tuple[MeasuredAnswers, QuestionAnswers]],
    model: Any,
    checkpoint: Checkpoint,
    catalog: Catalog,
) -> str | None:
    first = chosen[0][0]
    asked = [(question.id, one.domain) for one, question in chosen]
    with tempfile.TemporaryDirectory() as folder:
        answers = evaluate_some(
            model, checkpoint, first.probe_set, asked, catalog, first.language, _EXPLORED, Path(folder)
        )
    for one, question in chosen:
        found = answers[one.probe_set, one.context, one.domain][Question(question.id, question.family)]
        apart = _apart(question, found)
        if apart is not None:
            return f"items.{one.context}.{question.id}: {apart}"
    return None


def _apart(said: QuestionAnswers, found: AnswerDistribution) -> str | None:
    """The first answer whose bounds, as written and as computed, lie further apart than the tolerance."""
    for answer in sorted({*said.mass, *found.mass}):
        (low, high), (its_low, its_high) = said.bounds(answer), found.bounds(answer)
        if max(its_low - high, low - its_high) > TOLERANCE:
            return (
                f"{answer} has {low:.3f} to {high:.3f} in the items, {its_low:.3f} to {its_high:.3f} from the weights"
            )
    if abs(said.outside - found.outside) > TOLERANCE:
        return f"{said.outside:.3f} outside the options in the items, {found.outside:.3f} from the weights"
    return None


def sign_off(root: Path, found: Sequence[Verified], by: str) -> list[MaintainerRun]:
    """Adds what was scored again to maintainer_runs.jsonl: as T3 where it was every question, else as T2."""
    signed = []
    for each in found:
        if each.rescored is None or each.record is None or each.record.items is None or each.id is None:
            continue
        scored, of = each.rescored
        fields = {
            "record": each.id,
            "items_sha256": each.record.items.sha256,
            "tier": "T3" if scored == of else "T2",
            "questions": scored,
            "date": today(),
            "by": by,
        }
        signed.append(sign(root, fields))
    return signed
