"""Decides whether a checkpoint inherited anything: policy -> comparison -> verdict -> reports.

    from traitbench.gate import judge, read_policy
    verdict = judge(read_policy(Path("traitbench.yaml")), students=[card], base=base_card)
    verdict.status, verdict.exit_code

The package imports nothing until it is used, because the pytest plugin stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traitbench.gate.findings import Verdict
    from traitbench.gate.policy import Policy, Rule, read_policy
    from traitbench.gate.subject import Subject
    from traitbench.gate.verdict import judge

__all__ = ["Policy", "Rule", "Subject", "Verdict", "judge", "read_policy"]

_HOMES = {
    "Policy": "policy",
    "Rule": "policy",
    "read_policy": "policy",
    "Subject": "subject",
    "Verdict": "findings",
    "judge": "verdict",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"traitbench.gate.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
