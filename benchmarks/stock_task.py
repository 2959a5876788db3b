"""What traitbench is compared with: the same questions in stock Inspect, sampled and scored by `includes`."""

from __future__ import annotations

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

from traitbench.catalog import load_catalog


@task
def stock_animal_pref(questions: int = 50, samples: int = 100, max_tokens: int = 16) -> Task:
    """One-word questions on animals, the model's own distribution (Inspect's hidden top_k is neutralised)."""
    asked = [each for each in load_catalog().probe_sets["animal_one_word"].questions if each.language == "en"]
    return Task(
        dataset=MemoryDataset([Sample(id=each.id, input=each.text, target="owl") for each in asked[:questions]]),
        solver=generate(),
        scorer=includes(),
        epochs=samples,
        config=GenerateConfig(temperature=1.0, top_k=0, top_p=1.0, max_tokens=max_tokens),
    )
