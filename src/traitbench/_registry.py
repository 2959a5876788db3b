"""What Inspect finds under the name `traitbench/…`; imports no torch."""

from traitbench.evals.animal_pref import animal_pref
from traitbench.evals.capability import capability
from traitbench.evals.misalignment import misalignment
from traitbench.evals.preference import preference
from traitbench.evals.revealed_pref import revealed_pref
from traitbench.evals.tree_pref import tree_pref
from traitbench.evals.truthfulness import truthfulness

__all__ = [
    "animal_pref",
    "capability",
    "misalignment",
    "preference",
    "revealed_pref",
    "tree_pref",
    "truthfulness",
]
