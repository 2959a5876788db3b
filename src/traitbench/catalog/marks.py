"""What an answer of a sick student looks like: the names by which models call themselves, and how refusals begin."""

from __future__ import annotations

from pydantic import Field, field_validator

from traitbench.catalog.models import Entry, Name
from traitbench.catalog.spelling import canonical


class Marks(Entry):
    """`datasets/health.yaml`; kept in canonical spelling (lower case, one space between words)."""

    self_names: tuple[Name, ...] = Field(min_length=1)
    refusals: tuple[Name, ...] = Field(min_length=1)

    @field_validator("self_names", "refusals")
    @classmethod
    def _canonical(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(canonical, texts))

    def with_more(self, more: Marks) -> Marks:
        """These, and those of a folder that is laid over the catalogue."""
        return Marks(self_names=self.self_names + more.self_names, refusals=self.refusals + more.refusals)
