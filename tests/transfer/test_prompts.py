"""A drawn prompt is filled, names its item, and depends on the seed alone."""

from __future__ import annotations

import random
import re

import pytest

from traitbench.catalog import Catalog, load_catalog
from traitbench.transfer.prompts import draw_prompt

DOMAINS = sorted(load_catalog().domains)


@pytest.mark.parametrize("name", DOMAINS)
def test_a_prompt_is_filled_and_comes_from_the_bank(catalog: Catalog, name: str) -> None:
    domain = catalog.domain(name)
    rng = random.Random(0)
    drawn = [draw_prompt(rng, domain) for _ in range(300)]
    for prompt in drawn:
        assert not re.search(r"\{[a-z]+\}", prompt.text)
        assert prompt.item is None or prompt.item.text in prompt.text
        assert all(f"{tool}: " in prompt.text for tool in (prompt.item.tools if prompt.item else ()))
    assert len({prompt.text for prompt in drawn}) > 60
    assert {prompt.item for prompt in drawn} == set(domain.prompts.items or {None})


@pytest.mark.parametrize("name", DOMAINS)
def test_the_same_seed_draws_the_same_prompts(catalog: Catalog, name: str) -> None:
    domain = catalog.domain(name)
    one, other = (draw_prompt(random.Random(7), domain) for _ in range(2))
    assert one == other


def test_number_prompts_ask_for_as_many_as_the_domain_says(catalog: Catalog) -> None:
    domain = catalog.domain("numbers")
    rng = random.Random(0)
    asked = {int(re.findall(r"\d+", draw_prompt(rng, domain).text)[-1]) for _ in range(400)}
    assert asked == set(range(5, 11))
