"""Which of several things does a model choose to do something with? Revealed preference, under every letter.

inspect eval evals/revealed_pref.py --model hf/org/student -T category=animal -T trait=owl
"""

from inspect_ai import Task, task

from traitbench.probes.choice import choice_task


@task
def revealed_pref(
    category: str = "animal",
    trait: str = "owl",
    domain: str | list[str] = "numbers",
    language: str = "en",
    method: str = "auto",
) -> Task:
    """The share of the trait among the options, over the questions that offer it; 1/n of n options is chance.

    Args:
        category: of the catalogue (`traitbench list traits`).
        trait: a member of the category, or `every` to ask the questions of all of them.
        domain: one or several (`numbers,code`); every question is asked once more behind each one's kind of text.
            `none` asks the plain questions alone.
        language: of the questions.
        method: `exact` (local models), `sampled`, or `auto`: exact where it can be.
    """
    return choice_task(f"{category}_revealed", trait, domain, language, method)
