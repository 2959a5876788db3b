"""Where a gate's evidence comes from: a scorecard, a blessed baseline, an Inspect log, or a model scored here and now.

Files are read without torch; a model is scored with `traitbench.score`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitbench.catalog import Catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate.policy import MAX_TOLERANCE
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import ModelIdentity, References, Scorecard

if TYPE_CHECKING:
    from traitbench.gate.policy import Policy

_FILES = (".json", ".eval")


@dataclass(frozen=True)
class Scoring:
    """How models that are no files are scored."""

    chat_template: str | None = None
    adapter: Path | None = None
    method: str = "auto"
    epochs: int | None = None
    tolerance: float = MAX_TOLERANCE
    out: Path | None = None
    say: Callable[[str], None] = lambda line: None


def is_file(argument: str) -> bool:
    """Whether a MODEL argument is the path of a card, baseline or log; anything else is a model."""
    return Path(argument).suffix in _FILES


def score_subject(model: str, role: str, tasks: Sequence[str], scoring: Scoring) -> Subject:
    """Scores a model; `role` is `student`, `base` or `control`. Raises what `traitbench.score` raises."""
    from traitbench.runner import score

    scoring.say(f"{role}: {model}")
    card = score(
        model,
        tasks=tasks,
        adapter=scoring.adapter if role == "student" else None,
        chat_template=scoring.chat_template,
        method=scoring.method,
        epochs=scoring.epochs,
        tolerance=scoring.tolerance,
        out=scoring.out,
    )
    return Subject(model, card)


def check_arguments(arguments: Iterable[str], scoring: Scoring) -> None:
    """Refuses a missing file or an unreadable model before any model is scored."""
    from traitbench.runner.checkpoint import Checkpoint

    for argument in arguments:
        if is_file(argument):
            if not Path(argument).is_file():
                raise InputError(f"{argument}: no such file")
        else:
            Checkpoint(argument, chat_template=scoring.chat_template).check()


def read_subject(path: Path, catalog: Catalog) -> Subject:
    """The scorecard of a scorecard, baseline or `.eval` file; `InputError` names file and field."""
    if path.suffix == ".eval":
        return Subject(str(path), _card_of_log(path, catalog))
    from traitbench.gate.baseline import SCHEMA, Baseline

    if _schema_of(path) == SCHEMA:
        return Subject(str(path), Baseline.read(path).card)
    return Subject(str(path), Scorecard.read(path))


def tasks_of(policy: Policy, catalog: Catalog, beside: Sequence[Subject] = ()) -> tuple[str, ...]:
    """The fewest tasks whose answers serve all rules: one for each probe set and domain, whatever the traits.

    `beside`: cards that are there already; what one of them was not asked need not be asked of anyone.

    Raises `NotComparableError` where they leave nothing to ask.
    """
    wanted: dict[tuple[str, str], str] = {}
    for rule in policy.rules:
        for task in rule.tasks(catalog):
            wanted.setdefault((task.probe_set, task.domain), task.id)
    plain = all(rule.contexts == ("plain",) for rule in policy.rules)
    for subject in beside:
        held = {(answers.probe_set, answers.domain) for answers in subject.card.answers}
        only_plain = plain or {domain for _, domain in held} == {"none"}
        sets = {probe_set for probe_set, _ in held} if only_plain else set()
        wanted = {key: task for key, task in wanted.items() if key in held or key[0] in sets}
        if not wanted:
            raise NotComparableError(f"{subject.label}: answers: none that the policy asks for; score it on its tasks")
    return tuple(wanted.values())


def _schema_of(path: Path) -> str | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start})") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); is the file cut off?") from None
    return data.get("schema") if isinstance(data, dict) else None


def _card_of_log(path: Path, catalog: Catalog) -> Scorecard:
    from traitbench.runner.evaluate import answers_of_log
    from traitbench.runner.results import measured_answers

    log = _read_log(path)
    if log.status != "success":
        raise InputError(f"{path}: status: the log says {log.status!r}, not 'success'; finish it (inspect eval-retry)")
    if "probe_set" not in (log.eval.metadata or {}):
        raise InputError(f"{path}: metadata: no probe_set; is this a log of a traitbench task?")
    try:
        answers = answers_of_log(log)
    except KeyError as missing:
        raise InputError(f"{path}: samples: one has no {missing}; finish the log (inspect eval-retry)") from None
    except ValueError as error:
        raise InputError(f"{path}: answer_distribution: {' '.join(str(error).split())[:160]}") from None
    if not answers:
        raise InputError(f"{path}: samples: the log holds none; score again with log_samples on")
    languages = {sample.metadata.get("language", "en") for sample in log.samples}
    if len(languages) != 1:
        raise InputError(f"{path}: language: questions of several languages in one log; score them apart")
    language = languages.pop()
    version = log.eval.metadata.get("probe_set_version")
    measured = [measured_answers(key, language, found, catalog) for key, found in answers.items()]
    if version is not None:
        measured = [each.model_copy(update={"version": version}) for each in measured]
    return Scorecard(
        model=_identity_of_log(log),
        references=References(),
        tasks=(),
        answers=tuple(measured),
        environment=dict(log.eval.packages or {}),
    )


def _read_log(path: Path) -> Any:
    from inspect_ai.log import read_eval_log

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return read_eval_log(str(path))
    except Exception as error:  # a truncated log fails anywhere in the zip, json or pydantic layers below
        fault = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: cannot be read as an Inspect log ({fault}); is the file cut off?") from None


def _identity_of_log(log: Any) -> ModelIdentity:
    """What a log knows of its model. It knows no weights digest and no template, unless one was given to it."""
    import hashlib

    def digest(text: str | None) -> str | None:
        return hashlib.sha256(text.encode()).hexdigest() if text else None

    provider, _, rest = str(log.eval.model).partition("/")
    name = f"local/{Path(rest).name}" if rest.startswith("/") else rest or provider
    system = log.eval.model_generate_config.system_message or log.plan.config.system_message
    return ModelIdentity(
        id=name,
        chat_template_sha256=digest(log.eval.model_args.get("chat_template")),
        system_prompt_sha256=digest(system),
    )
