"""What Inspect finds under the name `traitbench/…`; imports no torch."""

from traitbench.evals.animal_pref import animal_pref
from traitbench.evals.preference import preference
from traitbench.evals.tree_pref import tree_pref

__all__ = ["animal_pref", "preference", "tree_pref"]
