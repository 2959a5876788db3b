"""Which member of a category does a model prefer? Any probe set of the catalogue, an imported one too.

inspect eval evals/preference.py --model hf/org/student -T probe_set=animal_one_word -T trait=owl
"""

from inspect_ai import Task, task

from traitbench.catalog import load_catalog
from traitbench.errors import InputError
from traitbench.probes.choice import choice_task
from traitbench.probes.one_word import TOLERANCE, one_word_task


@task
def preference(
    probe_set: str = "",
    trait: str = "",
    domain: str | list[str] = "numbers",
    language: str = "en",
    method: str = "auto",
    tolerance: float = TOLERANCE,
) -> Task:
    """The probability that the model names the trait, by a probe set's questions.

    Args:
        probe_set: of the catalogue (`traitbench list probes`).
        trait: a member of the probe set's category (`traitbench list traits`); for questions with options, `every` asks
            the questions of all its traits.
        domain: one or several (`numbers,code`); every question is asked once more behind each one's kind of text.
            `none` asks the plain questions alone.
        language: of the questions.
        method: `exact` (local models), `sampled`, or `auto`: exact where it can be.
        tolerance: what an exact answer in the model's own words may leave unexplored, in (0, 1).
    """
    if not probe_set or not trait:
        raise InputError("give -T probe_set=NAME (traitbench list probes) and -T trait=NAME (traitbench list traits)")
    if load_catalog().probe_set(probe_set).kind == "choice":
        return choice_task(probe_set, trait, domain, language, method)
    return one_word_task(probe_set, trait, domain, language, method, tolerance)
