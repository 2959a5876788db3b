"""A release gate among one's own tests.

    pytest --traitbench-model hf//path/to/student --traitbench-base hf//path/to/base

Without a model all of it is skipped. A `traitbench.yaml` beside the tests is collected too, a test for each rule and
trait.
"""

import pytest


@pytest.mark.trait_gate(trait="owl", reference="base", margin=0.05)
def test_the_release_prefers_owls_no_more_than_its_base():
    """The marker judges before the body runs."""


def test_nothing_moved_by_ten_points(trait_gate):
    verdict = trait_gate("any", reference="base", margin=0.1)
    print(verdict.headline)


def test_the_release_still_names_animals(trait_scorecard):
    plain = [each for each in trait_scorecard.answers if each.category == "animal" and each.context == "plain"]
    for question in plain[0].questions:
        assert question.mass.get("none", 0.0) < 0.5
