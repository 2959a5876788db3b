"""`traitbench gate`: did the checkpoint inherit anything? An exit code, a line, and reports."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from traitbench.cli.output import say
from traitbench.errors import InputError

app = typer.Typer(invoke_without_command=True, help="Judges a checkpoint by a policy: PASS, FAIL or INCONCLUSIVE.")

Policy_ = Annotated[
    Path | None,
    typer.Option("--policy", help="traitbench.yaml, or a pyproject.toml with a table tool.traitbench.gate."),
]


@app.callback()
def gate(
    context: typer.Context,
    policy: Policy_ = None,
    model: Annotated[list[str] | None, typer.Option(help="The student, or one for each training seed.")] = None,
    base: Annotated[str | None, typer.Option(help="The checkpoint that the student started from.")] = None,
    control: Annotated[list[str] | None, typer.Option(help="A student of an untraited teacher.")] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="Name no target: test every member.")] = False,
    margin: Annotated[float | None, typer.Option(help="Of --unknown (default 0.05), on the probability scale.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="A Jinja file, or `none` for plain text.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter put on the model.")] = None,
    method: Annotated[str, typer.Option(help="auto, exact or sampled")] = "auto",
    epochs: Annotated[int | None, typer.Option(min=1, help="Draws of a question in sampled mode (20).")] = None,
    out: Annotated[Path | None, typer.Option(help="For gate.json, junit.xml, report.html and the others.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Judges a checkpoint: 0 passed, 1 failed, 3 inconclusive. MODEL may be a scorecard, a baseline or an .eval log."""
    if context.invoked_subcommand is not None:
        return
    from traitbench.catalog import load_catalog
    from traitbench.gate.evidence import Arguments, gather
    from traitbench.gate.policy import read_policy, unknown_trait_policy
    from traitbench.gate.reports import append_step_summary, error_annotations, text_report, write_reports

    catalog = load_catalog()
    file = None if unknown and policy is None else _policy_file(policy)
    if unknown and file:
        raise InputError("--unknown is a policy of its own; write `trait: any` in a rule of the policy instead")
    if margin is not None and not unknown:
        raise InputError("--margin belongs to --unknown; write `margin:` in the rules of the policy")
    reference: Literal["base", "control"] = "control" if control else "base"
    wanted = read_policy(file, catalog) if file else unknown_trait_policy(reference, 0.05 if margin is None else margin)
    arguments = Arguments(
        models=tuple(model or ()),
        base=base,
        controls=tuple(control or ()),
        chat_template=chat_template,
        adapter=adapter,
        method=method,
        epochs=epochs,
    )
    evidence = gather(wanted, arguments, catalog, policy_file=file, out=out, say=say)
    verdict = evidence.judged_by(wanted, catalog, file)
    if out is not None:
        write_reports(verdict, out)
    append_step_summary(verdict)
    typer.echo(verdict.to_json() if as_json else text_report(verdict), nl=False)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in error_annotations(verdict):
            print(line, file=sys.stderr if as_json else sys.stdout)
    raise typer.Exit(verdict.exit_code)


@app.command()
def plan(
    policy: Policy_ = None,
    sd: Annotated[float, typer.Option(min=0.0001, help="Assumed SD between questions of a shift.")] = 0.06,
    correlation: Annotated[float, typer.Option(min=0, max=1, help="Assumed, between paraphrases.")] = 0.3,
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds that will be given.")] = 1,
    controls: Annotated[int, typer.Option(min=1, help="Controls that will be given.")] = 1,
    training_sd: Annotated[float, typer.Option(min=0, help="Assumed SD between training runs.")] = 0.02,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What a policy can decide, before any compute is spent: the power of each of its rules."""
    from traitbench.catalog import load_catalog
    from traitbench.gate.planning import Assumed, plan_policy, plan_text
    from traitbench.gate.policy import read_policy

    catalog = load_catalog()
    assumed = Assumed(sd=sd, correlation=correlation, seeds=seeds, controls=controls, training_sd=training_sd)
    rows = plan_policy(read_policy(_policy_file(policy), catalog), assumed, catalog)
    typer.echo(json.dumps(rows, indent=1) if as_json else plan_text(rows, assumed))


@app.command()
def explain(
    verdict: Annotated[Path | None, typer.Argument(help="A gate.json; without it the policy is explained.")] = None,
    policy: Policy_ = None,
) -> None:
    """Says in words what each rule of a policy asks for, or why a verdict came out as it did."""
    from traitbench.catalog import load_catalog
    from traitbench.gate.explaining import explain_policy, explain_verdict, read_verdict
    from traitbench.gate.policy import read_policy

    if verdict is not None:
        typer.echo(explain_verdict(read_verdict(verdict)))
        return
    catalog = load_catalog()
    typer.echo(explain_policy(read_policy(_policy_file(policy), catalog), catalog))


@app.command()
def schema(
    verdict: Annotated[bool, typer.Option("--verdict", help="Of gate.json instead.")] = False,
) -> None:
    """Prints the JSON Schema of a policy file, for editors."""
    from traitbench.gate.findings import verdict_schema
    from traitbench.gate.policy import policy_schema

    typer.echo(json.dumps(verdict_schema() if verdict else policy_schema(), indent=1))


def _policy_file(named: Path | None) -> Path:
    from traitbench.gate.policy import FILE_NAME, find_policy

    found = named or find_policy(Path())
    if found is None:
        raise InputError(f"no {FILE_NAME} here, and no [tool.traitbench.gate] in pyproject.toml; give --policy FILE")
    return found
