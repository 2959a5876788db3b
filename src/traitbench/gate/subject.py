"""Whom a gate judges and compares with: a scored checkpoint under the name that the user gave it."""

from __future__ import annotations

from dataclasses import dataclass

from traitbench.runner.scorecard import Scorecard


@dataclass(frozen=True)
class Subject:
    """A scored checkpoint, and the words by which errors and reports call it: a path as given, or a model."""

    label: str
    card: Scorecard

    @property
    def name(self) -> str:
        return self.card.model.id
