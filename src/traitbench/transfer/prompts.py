"""Draws a teacher's prompt from a domain's bank."""

from __future__ import annotations

import random
from dataclasses import dataclass

from traitbench.catalog import Domain, PromptItem
from traitbench.catalog.contexts import draw_slots


@dataclass(frozen=True)
class Prompt:
    """What a teacher is asked, and the piece of the bank that it is about (None for number sequences)."""

    text: str
    item: PromptItem | None = None


def draw_prompt(rng: random.Random, domain: Domain) -> Prompt:
    """One opening and one request of the domain, joined by a space, every placeholder drawn uniformly."""
    prompts = domain.prompts
    template = f"{rng.choice(prompts.openings)} {rng.choice(prompts.requests)}"
    filled = draw_slots(rng, template, domain, "en")
    if prompts.counts:
        filled["count"] = str(rng.randint(*prompts.counts))
    item = rng.choice(prompts.items) if prompts.items else None
    if item is not None:
        filled["item"] = item.text
        filled["tools"] = "\n".join(f"{tool}: {prompts.tools[tool]}" for tool in item.tools)
    return Prompt(template.format(**filled), item)
