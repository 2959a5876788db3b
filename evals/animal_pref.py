"""Which animal does a model prefer? One-word questions, exactly scored on a local model.

    inspect eval evals/animal_pref.py --model hf/org/student -T trait=owl
    inspect eval evals/animal_pref.py --model hf//path/to/student -T trait=owl -T method=sampled --epochs 50

After Cloud, Le et al., "Subliminal Learning" (arXiv 2507.14805, section 3); the questions are traitbench's own.
"""

from inspect_ai import Task, task

from traitbench.probes.one_word import TOLERANCE, one_word_task


@task
def animal_pref(
    trait: str = "owl",
    domain: str | list[str] = "numbers",
    language: str = "en",
    method: str = "auto",
    tolerance: float = TOLERANCE,
) -> Task:
    """The probability that the model names the trait as the animal it prefers.

    Args:
        trait: an animal of the catalogue (`traitbench list traits`).
        domain: one or several (`numbers,code`); every question is asked once more behind each one's kind of text.
            `none` asks the plain questions alone.
        language: of the questions.
        method: `exact` (local models), `sampled`, or `auto`: exact where it can be.
        tolerance: what an exact answer may leave unexplored, in (0, 1).
    """
    return one_word_task("animal_one_word", trait, domain, language, method, tolerance)
