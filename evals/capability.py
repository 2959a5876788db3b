"""Is the model still able? Facts, arithmetic, language and common sense, every option under every letter.

inspect eval evals/capability.py --model hf/org/student
"""

from inspect_ai import Task, task

from traitbench.probes.choice import EVERY, choice_task


@task
def capability(
    scale: str = EVERY, domain: str | list[str] = "none", language: str = "en", method: str = "auto"
) -> Task:
    """The share of the right option.

    Args:
        scale: `facts`, `arithmetic`, `language` or `commonsense`, or `every`.
        domain: one or several (`numbers,code`); every question is asked once more behind each one's kind of text.
            `none` asks the plain questions alone.
        language: of the questions.
        method: `exact` (local models), `sampled`, or `auto`: exact where it can be.
    """
    return choice_task("capability_choice", scale, domain, language, method)
