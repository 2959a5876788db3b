"""The scored checkpoints of one pytest session: every model is scored once, whatever the number of xdist workers."""

from __future__ import annotations

import hashlib
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from traitbench.catalog import Catalog, TransferTask, load_catalog
from traitbench.gate.evidence import Arguments, gather
from traitbench.gate.findings import Verdict
from traitbench.gate.policy import MAX_TOLERANCE, Policy, policy_from
from traitbench.gate.sources import Scoring, is_file, read_subject, score_subject
from traitbench.gate.subject import Subject
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.fitting import what_fits
from traitbench.runner.scorecard import Scorecard


class Session:
    """Scores what the options name, keeps the cards in a folder that all workers share, and judges by policies."""

    def __init__(self, folder: Path, models: tuple[str, ...], base: str | None, controls: tuple[str, ...]) -> None:
        self.folder, self.models, self.base, self.controls = folder, models, base, controls
        self._verdicts: dict[tuple[str, str], Verdict] = {}

    @classmethod
    def of(cls, config: pytest.Config) -> Session:
        """The session of a pytest run; workers of pytest-xdist find the folder of their controller."""
        factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]
        own = Path(factory.getbasetemp())
        shared = own.parent if hasattr(config, "workerinput") else own
        return cls(
            shared / "traitbench",
            tuple(config.getoption("--traitbench-model")),
            config.getoption("--traitbench-base"),
            tuple(config.getoption("--traitbench-control")),
        )

    @cached_property
    def catalog(self) -> Catalog:
        return load_catalog()

    def verdict(self, policy: Policy, file: Path | None) -> Verdict:
        """The verdict of a policy, judged once a process."""
        key = (policy.model_dump_json(), str(file))
        if key not in self._verdicts:
            evidence = gather(
                policy,
                Arguments(self.models, self.base, self.controls),
                self.catalog,
                policy_file=file,
                score=partial(self._subject, policy.tolerance),
            )
            self._verdicts[key] = evidence.judged_by(policy, self.catalog, file)
        return self._verdicts[key]

    def scorecard(self) -> Scorecard:
        """The first model's card, on every question that fits into its context."""
        if is_file(self.models[0]):
            return read_subject(Path(self.models[0]), self.catalog).card
        return self._subject(MAX_TOLERANCE, self.models[0], "student", tuple(self.catalog.tasks)).card

    def policy_of(self, rule: dict[str, Any]) -> Policy:
        """The policy of one rule, given as the keys of a policy file; the margin is 0.05 where none is given."""
        policy = policy_from({"rules": [{"margin": 0.05, **rule}]}, Path("trait_gate"))
        policy.check(self.catalog, "trait_gate")
        return policy

    def _subject(self, tolerance: float, model: str, role: str, tasks: tuple[str, ...]) -> Subject:
        """The model's card with the answers that these tasks ask for.

        A category is scored whole, once, so that rules and tests may ask for different traits of it.
        """
        asked = [self.catalog.task(each) for each in tasks]
        cards = [self._card(tolerance, model, role, each) for each in dict.fromkeys(task.category for task in asked)]
        held = {(task.probe_set, domain) for task in asked for domain in (task.domain, "none")}
        answers = [each for card in cards for each in card.answers if (each.probe_set, each.domain) in held]
        results = [each for card in cards for each in card.tasks if (each.probe_set, each.domain) in held]
        return Subject(model, cards[0].model_copy(update={"answers": tuple(answers), "tasks": tuple(results)}))

    def _card(self, tolerance: float, model: str, role: str, category: str) -> Scorecard:
        """The first worker to ask scores the model; the others wait for the lock, and read its card."""
        self.folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(f"{model} {tolerance}".encode()).hexdigest()[:16]
        path = self.folder / f"{digest}-{category}.json"
        with FileLock(f"{path}.lock"):
            if not path.is_file():
                score_subject(model, role, self._tasks(model, category), Scoring(tolerance=tolerance)).card.write(path)
        return Scorecard.read(path)

    def _tasks(self, model: str, category: str) -> tuple[str, ...]:
        """The fewest tasks that ask every question of the category which fits into the model's context."""
        wanted: dict[tuple[str, str], TransferTask] = {}
        for task in self.catalog.tasks.values():
            if task.category == category:
                wanted.setdefault((task.probe_set, task.domain), task)
        checkpoint = Checkpoint(model)
        checkpoint.check()
        fitting = what_fits([checkpoint], tuple(wanted.values()), None, self.catalog, "en")
        return tuple(task.id for task in fitting.tasks)
