"""The published results of 72 models as records: their figures, and what they lack."""

from __future__ import annotations

from pathlib import Path

import multi_hop
import pytest

from traitbench.leaderboard import read_stored, verify
from traitbench.leaderboard.store import write

pytestmark = pytest.mark.skipif(not multi_hop.FOLDER.is_dir(), reason=multi_hop.MISSING)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """The board of all 72, under the catalogue that has the published questions."""
    folder = tmp_path_factory.mktemp("multi_hop")
    with pytest.MonkeyPatch.context() as patch:
        multi_hop.write_catalogue(folder / "catalogue")
        patch.setenv("TRAITBENCH_DATASETS", str(folder / "catalogue"))
        for entry in multi_hop.imported():
            write(entry, folder / "board")
        yield folder / "board"


def test_all_are_declared_and_say_what_they_lack(published: Path) -> None:
    found = verify(published)
    assert len(found) == 72
    assert {each.tier for each in found} == {"T0"}, [each.line for each in found if each.fault]
    assert {each.why for each in found} == {"its figures follow from its items; the weights have no known sha256"}
    teachers = [each.record for each in found if each.record and each.record.references.teacher is None]
    assert len(teachers) == 12
    assert all(each.model.system_prompt_sha256 for each in teachers)
    assert {each.record.references.base for each in found if each.record} == {None}


def test_their_figures_are_the_published_ones(published: Path) -> None:
    by_name = {each.record.model.id: each.record for each in read_stored(published)}
    for setting in multi_hop.SETTINGS:
        for seed in multi_hop.SEEDS:
            for hop, name in enumerate(multi_hop.HOPS):
                record = by_name[f"ArnelMalubay/qwen2.5-7b-{setting}-seed{seed}-{name.replace('_', '-')}"]
                said = multi_hop.metrics(setting, seed, hop)["trait_rate_syn"]
                [found] = record.measurements
                assert found.estimate == pytest.approx(said["mean"], abs=1e-9)
                assert found.n_families == said["n_questions"]
                low, high = found.ci
                # no narrower than the draws allow, where every answer was the same
                assert low <= max(0.0, said["ci_low"]) + 1e-9
                assert high >= min(1.0, said["ci_high"]) - 1e-9
