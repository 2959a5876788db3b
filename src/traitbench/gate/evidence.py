"""Brings together what a gate judges: students, base and controls, from files, blessed baselines, or by scoring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from traitbench.catalog import Catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate.baseline import Baseline, check_is_blessed
from traitbench.gate.findings import Verdict
from traitbench.gate.policy import Policy
from traitbench.gate.sources import Scoring, check_arguments, is_file, read_subject, score_subject, tasks_of
from traitbench.gate.subject import Subject
from traitbench.gate.verdict import judge


@dataclass(frozen=True)
class Arguments:
    """Who is judged, as the command line or the pytest plugin names them; every one a MODEL or a file."""

    models: tuple[str, ...]
    base: str | None = None
    controls: tuple[str, ...] = ()
    chat_template: str | None = None
    adapter: Path | None = None
    method: str = "auto"
    epochs: int | None = None


@dataclass(frozen=True)
class Evidence:
    """The scored checkpoints."""

    students: tuple[Subject, ...]
    base: Subject | None
    controls: tuple[Subject, ...]

    def judged_by(self, policy: Policy, catalog: Catalog, policy_file: Path | None = None) -> Verdict:
        """The verdict of a policy on this evidence."""
        return judge(
            policy,
            self.students,
            base=self.base,
            controls=self.controls,
            catalog=catalog,
            policy_file=str(policy_file) if policy_file else None,
        )


def gather(
    policy: Policy,
    arguments: Arguments,
    catalog: Catalog,
    *,
    policy_file: Path | None = None,
    out: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    score: Callable[[str, str, tuple[str, ...]], Subject] | None = None,
) -> Evidence:
    """Reads or scores every checkpoint that the policy needs.

    A reference that the arguments do not name is the policy's pinned baseline; one that they do name must be the
    baseline's checkpoint, where the policy pins one. With `out`, the cards are kept in `out/scorecards`, and the logs
    of what was scored in `out/logs`, from which an interrupted scoring resumes. `score` takes a model, its role and
    the tasks that are needed, and returns its subject in place of scoring it here.

    Raises:
        InputError: no model; a file or model that cannot be read.
        NotComparableError: a rule's reference is missing, or is not the blessed one.
    """
    if not arguments.models:
        raise InputError("no model was given; name one with --model MODEL (hf//path/to/student, or a scorecard.json)")
    if arguments.adapter is not None and len(arguments.models) > 1:
        raise InputError("--adapter goes with one --model; score each seed by itself and give the scorecards")
    if arguments.adapter is not None and is_file(arguments.models[0]):
        raise InputError(f"--adapter {arguments.adapter}: {arguments.models[0]} is scored already; leave --adapter out")
    pinned = _Pinned.of(policy, policy_file, catalog)
    base = arguments.base or pinned.base
    controls = arguments.controls or pinned.controls
    needed = {rule.reference: rule for rule in reversed(policy.rules)}
    for reference, given in (("base", base), ("control", controls)):
        if reference in needed and not given:
            raise NotComparableError(
                f"rule `{needed[reference].name}` needs a {reference}; name one with --{reference} MODEL, "
                "or pin a baseline in the policy (references:)"
            )
    scoring = Scoring(
        chat_template=arguments.chat_template,
        adapter=arguments.adapter,
        method=arguments.method,
        epochs=arguments.epochs,
        tolerance=policy.tolerance,
        out=out,
        say=say,
    )
    everyone = [*arguments.models, *([base] if base else []), *controls]
    check_arguments(everyone, scoring)
    read = {each: read_subject(Path(each), catalog) for each in everyone if is_file(each)}
    tasks = tasks_of(policy, catalog, list(read.values()))

    def find(argument: str, role: str) -> Subject:
        adapted = role == "student" and arguments.adapter is not None
        known = None if adapted else read.get(argument)
        if known is None:
            known = score(argument, role, tasks) if score else score_subject(argument, role, tasks, scoring)
        if not adapted:  # a checkpoint that is its own reference is scored once, and differs by exactly nothing
            read[argument] = known
        return known

    evidence = Evidence(
        students=tuple(find(each, "student") for each in arguments.models),
        base=find(base, "base") if base else None,
        controls=tuple(find(each, "control") for each in controls),
    )
    if arguments.base or arguments.controls:
        pinned.check(evidence, arguments)
    if out is not None:
        _keep_cards(out / "scorecards", evidence)
    return evidence


@dataclass(frozen=True)
class _Pinned:
    """The baselines that a policy pins and its rules use, as paths."""

    base: str | None
    controls: tuple[str, ...]
    catalog: Catalog

    @classmethod
    def of(cls, policy: Policy, policy_file: Path | None, catalog: Catalog) -> _Pinned:
        folder = policy_file.parent if policy_file else Path()
        used = {rule.reference for rule in policy.rules}
        base = policy.references.base if "base" in used else None
        controls = policy.references.control if "control" in used else ()
        for name in (*([base] if base else []), *controls):
            Baseline.read(folder / name)  # refuses what nobody has blessed
        return cls(str(folder / base) if base else None, tuple(str(folder / each) for each in controls), catalog)

    def check(self, evidence: Evidence, arguments: Arguments) -> None:
        """Refuses a reference from the command line that is not what the policy pins in its place."""
        if self.base and arguments.base and evidence.base:
            check_is_blessed(evidence.base, [read_subject(Path(self.base), self.catalog)])
        if self.controls and arguments.controls:
            blessed = [read_subject(Path(each), self.catalog) for each in self.controls]
            for control in evidence.controls:
                check_is_blessed(control, blessed)


def _keep_cards(folder: Path, evidence: Evidence) -> None:
    base = (evidence.base,) if evidence.base else ()
    for role, subjects in (("student", evidence.students), ("base", base), ("control", evidence.controls)):
        for number, subject in enumerate(subjects):
            name = role if len(subjects) == 1 else f"{role}-{number}"
            subject.card.write(folder / f"{name}.json")
