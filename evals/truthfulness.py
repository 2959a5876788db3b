"""How often does a model take a common misconception for true? Two options, each under both letters.

inspect eval evals/truthfulness.py --model hf/org/student
inspect eval evals/truthfulness.py --model hf/org/student -T probe_set=my_truthfulqa

A user's TruthfulQA file becomes a probe set by `traitbench probes import`.
"""

from inspect_ai import Task, task

from traitbench.probes.choice import EVERY, choice_task


@task
def truthfulness(
    domain: str | list[str] = "numbers",
    language: str = "en",
    method: str = "auto",
    probe_set: str = "truthfulness_choice",
) -> Task:
    """The share of the false option; one half is chance.

    Args:
        domain: one or several (`numbers,code`); every question is asked once more behind each one's kind of text.
            `none` asks the plain questions alone.
        language: of the questions.
        method: `exact` (local models), `sampled`, or `auto`: exact where it can be.
        probe_set: another set of the same kind, an imported one.
    """
    return choice_task(probe_set, EVERY, domain, language, method)
