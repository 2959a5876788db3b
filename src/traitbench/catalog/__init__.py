"""The benchmark as data: traits, teachers, domains, probe sets and transfer tasks, read from datasets/."""

from traitbench.catalog.contexts import draw_sequence, in_domain_question
from traitbench.catalog.domains import Domain, NumberFilter, PromptItem, Sequence
from traitbench.catalog.load import Catalog, load_catalog
from traitbench.catalog.models import (
    Category,
    Reference,
    Suite,
    Teacher,
    Trait,
    TransferTask,
)
from traitbench.catalog.named_answer import NONE, NamedAnswerReader
from traitbench.catalog.questions import OTHER, ChoiceQuestion, ProbeSet, Question, question_id

__all__ = [
    "NONE",
    "OTHER",
    "Catalog",
    "Category",
    "ChoiceQuestion",
    "Domain",
    "NamedAnswerReader",
    "NumberFilter",
    "ProbeSet",
    "PromptItem",
    "Question",
    "Reference",
    "Sequence",
    "Suite",
    "Teacher",
    "Trait",
    "TransferTask",
    "draw_sequence",
    "in_domain_question",
    "load_catalog",
    "question_id",
]
