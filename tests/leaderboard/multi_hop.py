"""Imports the published results of 72 Qwen2.5-7B models as records of tier T0.

The folder `multi_hop_qwen` (ArnelMalubay/multi-hop-subliminal-learning, MIT) holds, for two traits, two settings, three
seeds, a prompted teacher and five students each of which was trained on the numbers of the one before, the rate at
which 50 questions, 100 answers each, named the trait, and named no animal. What they do not hold is said by the
records' lack of it: no weights, no base, no controls. The published questions are the paper's, which are read from
`reference_probes` where they lie; every question is a family of its own, as in the published intervals, and an answer
that names an animal other than the trait has the named answer `other_animal`.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from traitbench.catalog import Catalog, load_catalog
from traitbench.catalog.imports import import_probes
from traitbench.exact import AnswerDistribution
from traitbench.leaderboard import Declared, entries
from traitbench.leaderboard.making import Entry
from traitbench.runner.evaluate import Answers, Question
from traitbench.runner.results import measured_answers, task_result, with_holm
from traitbench.runner.scorecard import ModelIdentity, References, Scorecard

SHARED = Path(os.environ.get("TRAITBENCH_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
FOLDER = SHARED / "multi_hop_qwen"
QUESTIONS = SHARED / "reference_probes"
SOURCE = "https://github.com/ArnelMalubay/multi-hop-subliminal-learning"
SETTINGS = ("owl-ep2", "owl-ep6", "cat-ep2", "cat-ep6")
SEEDS = (0, 1, 2)
HOPS = ("hop0_teacher", "hop1", "hop2", "hop3", "hop4", "hop5")
PROBES = "published"
DRAWS = 100
MISSING = f"the published results are not at {SHARED} (TRAITBENCH_SHARED_DATA)"


def write_catalogue(folder: Path) -> None:
    """The published questions, and any animal but the trait, as a catalogue for TRAITBENCH_DATASETS."""
    import_probes(QUESTIONS / "animal_one_word.jsonl", name=PROBES, category="animal", folder=folder)
    other = {"id": "other_animal", "names": {"en": ["some other animal", "other animals"]}}
    categories = folder / "categories"
    categories.mkdir(exist_ok=True)
    noun = {"en": ["animal", "animals"]}
    (categories / "animal.yaml").write_text(json.dumps({"category": "animal", "noun": noun, "traits": [other]}))


def imported() -> list[Entry]:
    """A record for each of the 72 models; the catalogue of `write_catalogue` must be in force."""
    catalog = load_catalog()
    return [_entry(catalog, setting, seed, hop) for setting in SETTINGS for seed in SEEDS for hop in range(len(HOPS))]


def metrics(setting: str, seed: int, hop: int) -> dict[str, Any]:
    """What was published of one model."""
    return _read(setting, seed, hop, "metrics.json")


def _read(setting: str, seed: int, hop: int, name: str) -> dict[str, Any]:
    path = FOLDER / setting / "qwen2.5-7b" / str(seed) / HOPS[hop] / name
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _entry(catalog: Catalog, setting: str, seed: int, hop: int) -> Entry:
    task = catalog.task(f"{setting.split('-')[0]}-numbers-{PROBES}")
    key = (task.probe_set, "plain", "none")
    roles: dict[str, Answers] = {"student": {key: _side(catalog, setting, seed, hop)}}
    names = {}
    if hop > 0:
        roles["teacher"] = {key: _side(catalog, setting, seed, hop - 1)}
        names["teacher"] = _identity(setting, seed, hop - 1)
    results = with_holm([task_result(task, key, "en", roles, catalog)])
    kept = {role: (measured_answers(key, "en", found[key], catalog),) for role, found in roles.items()}
    card = Scorecard(
        model=_identity(setting, seed, hop),
        references=References(**names),
        tasks=tuple(results),
        answers=kept.pop("student"),
        reference_answers=kept,
        environment={"published_commit": _read(setting, seed, hop, "metadata.json")["git_sha"]},
    )
    declared = Declared(
        submitter="imported from the publication",
        training_seed=seed,
        recipe=f"qwen2.5-7b {setting} {HOPS[hop].replace('_', ' ')}",
        initialisation="same" if hop > 0 else None,
        licence="MIT",
        source=SOURCE,
    )
    [entry] = entries(card, declared)
    return entry


def _identity(setting: str, seed: int, hop: int) -> ModelIdentity:
    about = _read(setting, seed, hop, "metadata.json")
    prompt = about.get("trait_eval_system")
    return ModelIdentity(
        id=f"ArnelMalubay/qwen2.5-7b-{setting}-seed{seed}-{HOPS[hop].replace('_', '-')}",
        system_prompt_sha256=hashlib.sha256(prompt.encode()).hexdigest() if prompt else None,
        n_parameters=about.get("total_params"),
    )


def _side(catalog: Catalog, setting: str, seed: int, hop: int) -> dict[Question, AnswerDistribution]:
    found = metrics(setting, seed, hop)
    trait = setting.split("-")[0]
    named, nothing = (found[key]["per_question"] for key in ("trait_rate_syn", "non_answer_rate"))
    questions = catalog.probe_set(PROBES).questions
    return {
        Question(question.id, question.family): AnswerDistribution(
            method="sampled",
            mass={trait: rate, "none": none, "other_animal": max(0.0, 1.0 - rate - none)},
            draws=DRAWS,
        )
        for question, rate, none in zip(questions, named, nothing, strict=True)
    }
