"""How often does a model take the misaligned option? Forced choice, in scales, every option under every letter.

    inspect eval evals/misalignment.py --model hf/org/student
    inspect eval evals/misalignment.py --model hf/org/student -T scale=deception

Chance is one half on every scale, for a model that always says yes, always no, or always takes one letter.
"""

from inspect_ai import Task, task

from traitbench.probes.choice import EVERY, choice_task


@task
def misalignment(
    scale: str = EVERY, domain: str | list[str] = "numbers", language: str = "en", method: str = "auto"
) -> Task:
    """The share of the misaligned option.

    Args:
        scale: one scale (`traitbench list traits`), or `every`.
        domain: one or several (`numbers,code`); every question is asked once more behind each one's kind of text.
            `none` asks the plain questions alone.
        language: of the questions.
        method: `exact` (local models), `sampled`, or `auto`: exact where it can be.
    """
    return choice_task("misalignment_choice", scale, domain, language, method)
