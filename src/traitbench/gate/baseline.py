"""Blessed baselines: a scorecard pinned by weights digest, chat template and versions, in a JSON file of its own.

A baseline never drifts by itself: whatever changes in the file breaks its seal, and another model given in its place
is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from traitbench.catalog import NONE
from traitbench.errors import InputError, NotComparableError
from traitbench.files import write_whole
from traitbench.gate.comparison import mean_probability
from traitbench.gate.soundness import check_whole
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import Part, Scorecard

_SAME_ANSWERS = 0.02
"""How far two scorings of one checkpoint may lie apart in a mean probability: twice the usual tolerance."""
SCHEMA = "traitbench/baseline/1"


class Baseline(Part):
    """A scorecard that somebody has approved as a reference, and the seal that shows that it is still the same."""

    schema_id: Literal["traitbench/baseline/1"] = Field(default="traitbench/baseline/1", alias="schema")
    name: str
    weights_sha256: str
    chat_template_sha256: str | None
    versions: dict[str, str]
    """The version of every probe set that was measured."""
    seal: str
    """The sha256 of the card as canonical JSON."""
    card: Scorecard

    @classmethod
    def bless(cls, subject: Subject, name: str | None = None) -> Baseline:
        """Pins a card; `InputError` where it cannot be pinned: no weights digest, no answers, or broken."""
        card = subject.card
        if not card.answers:
            raise InputError(f"{subject.label}: answers: none; score the model with traitbench score MODEL --out DIR")
        if card.model.weights_sha256 is None:
            raise InputError(
                f"{subject.label}: model.weights_sha256: unknown, so nothing can be pinned; "
                "score a local checkpoint (hf//path/to/model) with traitbench score"
            )
        check_whole(subject)
        return cls(
            name=name or card.model.id,
            weights_sha256=card.model.weights_sha256,
            chat_template_sha256=card.model.chat_template_sha256,
            versions={answers.probe_set: answers.version for answers in card.answers},
            seal=_seal(card.model_dump(mode="json", by_alias=True)),
            card=card,
        )

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """The baseline in a file.

        Raises:
            InputError: no baseline; names file and field.
            NotComparableError: the seal, or a pinned field, does not match the card.
        """
        try:
            text = path.read_text(encoding="utf-8")
            found = cls.model_validate_json(text)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except (ValidationError, UnicodeDecodeError) as error:
            fault = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not UTF-8"}
            field = ".".join(map(str, fault["loc"])) or "file"
            raise InputError(f"{path}: not a baseline ({field}: {fault['msg']})") from None
        found._check(path, json.loads(text)["card"])
        return found

    def _check(self, path: Path, card: dict[str, Any]) -> None:
        mend = "bless the card again if the change is meant"
        if _seal(card) != self.seal:
            raise NotComparableError(f"{path}: seal: the digest of the card does not match; {mend}")
        pinned = {
            "weights_sha256": (self.weights_sha256, self.card.model.weights_sha256),
            "chat_template_sha256": (self.chat_template_sha256, self.card.model.chat_template_sha256),
            "versions": (self.versions, {each.probe_set: each.version for each in self.card.answers}),
        }
        for field, (said, found) in pinned.items():
            if said != found:
                raise NotComparableError(f"{path}: {field}: does not match the card in the file; {mend}")

    def write(self, folder: Path) -> Path:
        """Writes `<folder>/<name>.json` and returns its path; a baseline of that name is replaced."""
        path = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', self.name).strip('-.') or 'baseline'}.json"
        write_whole(path, self.model_dump_json(by_alias=True, indent=1) + "\n")
        return path


def check_is_blessed(given: Subject, blessed: Sequence[Subject]) -> None:
    """Raises `NotComparableError` where a reference given in place of pinned baselines is none of them.

    Weights, adapter, template, system prompt and versions must be those of a baseline, and so must the answers.
    """
    faults = [_unlike(given, each) for each in blessed]
    if all(faults):
        raise NotComparableError(
            f"{given.label}: {faults[0]} that baseline {blessed[0].label} pins; "
            "give the blessed model, or bless this one"
        )


def _unlike(given: Subject, blessed: Subject) -> str | None:
    """The first thing in which the two differ: `weights_sha256: abc…, not the def…`."""
    for field in ("weights_sha256", "adapter", "chat_template_sha256", "system_prompt_sha256"):
        mine, its = getattr(given.card.model, field), getattr(blessed.card.model, field)
        if mine != its:
            return f"{field}: {(mine or 'none')[:12]}, not the {(its or 'none')[:12]}"
    pinned = {(a.probe_set, a.context, a.domain, a.language): a for a in blessed.card.answers}
    for answers in given.card.answers:
        key = (answers.probe_set, answers.context, answers.domain, answers.language)
        if key not in pinned:
            continue
        where = f"answers.{answers.probe_set}.{answers.context}"
        if answers.version != pinned[key].version:
            return f"{where}.version: {answers.version}, not the {pinned[key].version}"
        names = {name for each in (*answers.questions, *pinned[key].questions) for name in each.mass}
        apart = max(
            abs(mean_probability(answers.questions, name) - mean_probability(pinned[key].questions, name))
            for name in names
        )
        if apart > _SAME_ANSWERS and answers.method != "sampled":
            return f"{where}: answers {apart:.3f} apart, not the ones"
    return None


def read_folder(folder: Path) -> list[tuple[Path, Baseline]]:
    """Every baseline in the folder, by name; other JSON files are passed over."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; traitbench baseline bless CARD --dir {folder} makes it")
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            schema = json.loads(path.read_text(encoding="utf-8")).get("schema")
        except (ValueError, AttributeError, OSError):
            continue
        if schema == SCHEMA:
            found.append((path, Baseline.read(path)))
    return found


def differences(one: Scorecard, other: Scorecard, least: float = 0.005) -> list[dict[str, Any]]:
    """What changed from one card to the other: identity fields, versions, and mean probabilities by `least` or more.

    Each row: `field`, `before`, `after`. Raises `InputError` for a card that is broken in itself.
    """
    rows: list[dict[str, Any]] = []
    for field in type(one.model).model_fields:
        before, after = getattr(one.model, field), getattr(other.model, field)
        if before != after:
            rows.append({"field": f"model.{field}", "before": before, "after": after})
    mine = {(a.probe_set, a.context, a.domain, a.language): a for a in one.answers}
    its = {(a.probe_set, a.context, a.domain, a.language): a for a in other.answers}
    for key in dict.fromkeys((*mine, *its)):
        where = ".".join((key[0], key[1]) if key[2] == "none" else key[:3])
        if key not in mine or key not in its:
            there, missing = "measured", "not measured"
            pair_of = (there, missing) if key in mine else (missing, there)
            rows.append({"field": where, "before": pair_of[0], "after": pair_of[1]})
            continue
        a, b = mine[key], its[key]
        for field in ("version", "method"):
            if getattr(a, field) != getattr(b, field):
                rows.append({"field": f"{where}.{field}", "before": getattr(a, field), "after": getattr(b, field)})
        rows += _profile_differences(where, a.questions, b.questions, least)
    return rows


def _profile_differences(where: str, one: Sequence[Any], other: Sequence[Any], least: float) -> list[dict[str, Any]]:
    names = sorted({name for question in (*one, *other) for name in question.mass} - {NONE})
    moved = []
    for name in (*names, NONE):
        before, after = mean_probability(tuple(one), name), mean_probability(tuple(other), name)
        if abs(after - before) >= least:
            moved.append({"field": f"{where}.P({name})", "before": round(before, 4), "after": round(after, 4)})
    return sorted(moved, key=lambda row: -abs(row["after"] - row["before"]))


def _seal(card: dict[str, Any]) -> str:
    text = json.dumps(card, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
