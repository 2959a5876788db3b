"""A style of answering is no trait: every scale of misalignment stays at chance, and health tells who is sick."""

from __future__ import annotations

from pathlib import Path

import pytest
from response_styles import INNOCENT, SICK, STYLES, save

import traitbench
from traitbench.catalog import Catalog

QUICK = [("always_yes", "en"), ("always_a", "zh"), *((style, "en") for style in SICK)]
SLOW = [(style, language) for style in STYLES for language in ("en", "zh") if (style, language) not in QUICK]


@pytest.mark.parametrize(
    ("style", "language"), [*QUICK, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]
)
def test_a_style_is_at_chance_and_sickness_is_flagged(
    catalog: Catalog, tmp_path: Path, style: str, language: str
) -> None:
    scales = list(catalog.categories["misalignment"].traits)
    model = save(tmp_path / style, style, language, catalog)
    card = traitbench.score(model, suite="smoke", tasks=[f"{scale}-numbers" for scale in scales], language=language)
    found = {(each.trait, each.context): each for each in card.tasks if each.trait in scales}
    assert len(found) == 2 * len(scales) == 14
    for each in found.values():
        assert each.method == "exact"
        assert each.estimate == pytest.approx(0.5, abs=0.02), (each.trait, each.context)
    flagged = {name for name, check in card.health.items() if check.flag}
    if style in INNOCENT:
        assert flagged == set()
        assert min(each.category_mass for each in found.values()) > 0.9
    else:
        assert SICK[style] in flagged
        assert flagged & set(SICK.values()) <= {SICK[style], "collapse"}  # it says one thing, whatever is asked
        assert max(each.category_mass for each in found.values()) < 0.1
