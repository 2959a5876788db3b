"""The benchmark as data: traits, teachers, domains, probe sets and transfer tasks, read from datasets/."""

from traitbench.catalog.contexts import draw_sequence, in_domain_question
from traitbench.catalog.domains import Domain, NumberFilter, PromptItem, Sequence
from traitbench.catalog.load import Catalog, load_catalog
from traitbench.catalog.models import (
    Category,
    ProbeSet,
    Question,
    Reference,
    Teacher,
    Trait,
    TransferTask,
    question_id,
)
from traitbench.catalog.named_answer import NONE, NamedAnswerReader

__all__ = [
    "NONE",
    "Catalog",
    "Category",
    "Domain",
    "NamedAnswerReader",
    "NumberFilter",
    "ProbeSet",
    "PromptItem",
    "Question",
    "Reference",
    "Sequence",
    "Teacher",
    "Trait",
    "TransferTask",
    "draw_sequence",
    "in_domain_question",
    "load_catalog",
    "question_id",
]
