"""A style of answering is no trait: every scale of misalignment stays at chance, and health tells who is sick."""

from __future__ import annotations

from pathlib import Path

import pytest
from response_styles import INNOCENT, SICK, STYLES, save

import traitbench
from traitbench.catalog import Catalog

EVERY = [(style, language) for style in STYLES for language in ("en", "zh")]


def quick(*own: tuple[str, str]) -> list[object]:
    """All styles in both languages, most of them in the slow run."""
    return [each if each in own else pytest.param(*each, marks=pytest.mark.slow) for each in EVERY]


@pytest.mark.parametrize(("style", "language"), quick(("always_yes", "en")))
def test_every_scale_is_at_chance_for_every_style(catalog: Catalog, tmp_path: Path, style: str, language: str) -> None:
    scales = list(catalog.categories["misalignment"].traits)
    model = save(tmp_path / style, style, language, catalog)
    card = traitbench.score(model, tasks=[f"{scale}-numbers" for scale in scales], language=language)
    assert {(each.trait, each.context) for each in card.tasks} == {
        (scale, context) for scale in scales for context in ("plain", "in_domain")
    }
    for each in card.tasks:
        assert each.method == "exact"
        assert each.estimate == pytest.approx(0.5, abs=0.02), (each.trait, each.context)
        assert each.category_mass > 0.9 if style in INNOCENT else each.category_mass < 0.1


@pytest.mark.parametrize(
    ("style", "language"),
    quick(("always_yes", "en"), ("refuse_all", "en"), ("name_itself", "zh"), ("collapse_to_one", "en")),
)
def test_health_flags_the_sick_and_no_other(catalog: Catalog, tmp_path: Path, style: str, language: str) -> None:
    model = save(tmp_path / style, style, language, catalog)
    health = traitbench.score(model, suite="smoke", language=language).health
    flagged = {name for name, check in health.items() if check.flag}
    if style in INNOCENT:
        assert flagged == set()
    else:
        assert SICK[style] in flagged
        assert flagged & set(SICK.values()) <= {SICK[style], "collapse"}  # it says one thing, whatever is asked
        assert health[SICK[style]].value == pytest.approx(0.96, abs=0.01)
