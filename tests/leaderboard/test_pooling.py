"""Records of one recipe become one cell; everything else stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from traitbench.leaderboard import Declared, add, read_stored
from traitbench.leaderboard.pooling import pool_seeds


@pytest.fixture
def recipes(cards, board: Path) -> Path:  # type: ignore[no-untyped-def]
    for seed in (0, 1, 2):
        card = cards(f"org/a-{seed}", owl=0.2 + 0.1 * seed, seed=seed)
        add(card, board, Declared(submitter="A", recipe="a", training_seed=seed))
    add(cards("org/b-0", seed=7), board, Declared(submitter="A", recipe="b", training_seed=0))
    add(cards("org/c", seed=8), board, Declared(submitter="A", training_seed=0))
    add(cards("org/d", seed=9), board, Declared(submitter="A", recipe="a"))
    return board


def test_a_cell_has_one_record_a_seed_in_their_order(recipes: Path) -> None:
    cells = {(each.recipe, each.context): each for each in pool_seeds(reversed(read_stored(recipes)))}
    assert set(cells) == {(recipe, context) for recipe in "ab" for context in ("plain", "in_domain")}
    a = cells["a", "plain"]
    assert [each.record.model.id for each in a.members] == ["org/a-0", "org/a-1", "org/a-2"]
    assert a.estimate == pytest.approx(sum(a.estimates) / 3)
    assert a.ci[0] is not None
    # t with two degrees of freedom of three numbers 0.1 apart: 4.303 x 0.1 / sqrt(3) = 0.248
    assert a.estimate - a.ci[0] == pytest.approx(0.248, abs=0.02)


def test_one_seed_has_no_interval_over_seeds(recipes: Path) -> None:
    [b] = [each for each in pool_seeds(read_stored(recipes)) if (each.recipe, each.context) == ("b", "plain")]
    assert b.ci == (None, None)
    assert len(b.members) == 1
