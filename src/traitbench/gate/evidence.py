"""Brings together what a gate judges: students, base and controls, from files, blessed baselines, or by scoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from traitbench.catalog import Catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate.baseline import check_is_blessed
from traitbench.gate.findings import Verdict
from traitbench.gate.policy import Policy
from traitbench.gate.subjects import Scoring, Subject, check_arguments, read_subject, resolve, tasks_of
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
    epochs: int = 1


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
    find: Callable[[str, str], Subject] | None = None,
) -> Evidence:
    """Reads or scores every checkpoint that the policy needs, each once.

    A reference that the arguments do not name is the policy's pinned baseline; one that they do name must be the
    baseline's checkpoint, where the policy pins one. With `out`, the cards of scored models are kept in
    `out/scorecards`, and the logs in `out/logs`, from which an interrupted scoring resumes. `find` takes a MODEL
    argument and its role, and returns the subject in place of reading or scoring it here.

    Raises:
        InputError: no model; a file or model that cannot be read.
        NotComparableError: a rule's reference is missing, or is not the blessed one.
    """
    if not arguments.models:
        raise InputError("no model was given; name one with --model MODEL (hf//path/to/student, or a scorecard.json)")
    if arguments.adapter is not None and len(arguments.models) > 1:
        raise InputError("--adapter goes with one --model; score each seed by itself and give the scorecards")
    scoring = Scoring(
        tasks=tasks_of(policy, catalog),
        chat_template=arguments.chat_template,
        adapter=arguments.adapter,
        method=arguments.method,
        epochs=arguments.epochs,
        out=out,
        say=say,
    )
    found = find or (lambda argument, role: resolve(argument, role, scoring, catalog))
    folder = policy_file.parent if policy_file else Path()
    pinned_base, pinned_controls = policy.references.base, policy.references.control
    base = arguments.base or (str(folder / pinned_base) if pinned_base else None)
    controls = arguments.controls or tuple(str(folder / each) for each in pinned_controls)
    needed = {rule.reference: rule for rule in reversed(policy.rules)}
    for reference, given in (("base", base), ("control", controls)):
        if reference in needed and not given:
            raise NotComparableError(
                f"rule `{needed[reference].name}` needs a {reference}; name one with --{reference} MODEL, "
                "or pin a baseline in the policy (references:)"
            )
    check_arguments([*arguments.models, *([base] if base else []), *controls], scoring)
    students = tuple(found(each, "student") for each in arguments.models)
    found_base = found(base, "base") if base else None
    found_controls = tuple(found(each, "control") for each in controls)
    if found_base and arguments.base and pinned_base:
        check_is_blessed(found_base, read_subject(folder / pinned_base, catalog))
    if arguments.controls and pinned_controls:
        blessed = [read_subject(folder / each, catalog) for each in pinned_controls]
        digests = {each.card.model.weights_sha256 for each in blessed}
        for control in found_controls:
            if control.card.model.weights_sha256 not in digests:
                check_is_blessed(control, blessed[0])
    if out is not None:
        _keep_cards(out / "scorecards", students, found_base, found_controls)
    return Evidence(students, found_base, found_controls)


def _keep_cards(folder: Path, students: Sequence[Subject], base: Subject | None, controls: Sequence[Subject]) -> None:
    for role, subjects in (("student", students), ("base", [base] if base else []), ("control", controls)):
        for number, subject in enumerate(subjects):
            name = role if len(subjects) == 1 else f"{role}-{number}"
            subject.card.write(folder / f"{name}.json")
