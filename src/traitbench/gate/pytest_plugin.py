"""The pytest plugin: a policy's rules as test items, and fixtures for people's own tests.

    pytest --traitbench-model hf//path/to/student --traitbench-base hf//path/to/base

collects every `traitbench.yaml`, one item for each rule and trait. Without a model everything here is skipped. In tests
of one's own: the fixtures `trait_scorecard` and `trait_gate`, and `@pytest.mark.trait_gate(trait="owl", margin=0.05)`.
Checkpoints are scored once a session, pytest-xdist workers included. Nothing is imported until it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from traitbench.errors import TraitbenchError
    from traitbench.gate.findings import Finding, Verdict
    from traitbench.gate.policy import Policy
    from traitbench.gate.pytest_session import Session
    from traitbench.runner.scorecard import Scorecard

_NO_MODEL = "no model to judge; give --traitbench-model MODEL"
_SESSION = pytest.StashKey["Session"]()
_FILE = "traitbench.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("traitbench", "gate a checkpoint on inherited traits")
    add = group.addoption
    add("--traitbench-model", action="append", default=[], metavar="MODEL", help="the student; again for each seed")
    add("--traitbench-base", default=None, metavar="MODEL", help="the checkpoint that the student started from")
    add("--traitbench-control", action="append", default=[], metavar="MODEL", help="a student of an untraited teacher")
    add("--traitbench-policy", default=None, metavar="FILE", help="collect this policy file, whatever its name")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "trait_gate(trait, reference='base', margin=0.05, **rule): the checkpoint must pass this rule of traitbench",
    )

    named = config.getoption("--traitbench-policy")
    if named is not None:
        if not Path(named).is_file():
            raise pytest.UsageError(f"--traitbench-policy {named}: no such file")
        _collect_too(config, Path(named).absolute())


def _collect_too(config: pytest.Config, file: Path) -> None:
    """Adds the file to what pytest collects, unless a folder that it collects holds it."""
    places = [Path(str(each).split("::")[0]).absolute() for each in config.args]
    if not any(place == file or (place.is_dir() and place in file.parents) for place in places):
        config.args.append(str(file))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PolicyFile | None:
    named = parent.config.getoption("--traitbench-policy")
    wanted = file_path == Path(named).absolute() if named else file_path.name == _FILE
    return PolicyFile.from_parent(parent, path=file_path) if wanted else None


class PolicyFile(pytest.File):
    """A policy file: one item for each rule and trait; a rule without a target (`trait: any`) is one item."""

    def collect(self) -> Iterable[pytest.Item]:
        from traitbench.catalog import load_catalog
        from traitbench.errors import TraitbenchError
        from traitbench.gate.policy import ANY, read_policy

        try:
            catalog = load_catalog()
            policy = read_policy(self.path, catalog)
        except TraitbenchError as error:
            raise self.CollectError(str(error)) from None
        for number, rule in enumerate(policy.rules, start=1):
            traits = (ANY,) if rule.trait == ANY else rule.traits(catalog)
            for trait in traits:
                name = f"rule {number}: {trait} against {rule.reference}"
                yield TraitItem.from_parent(self, name=name, policy=policy, rule=number, trait=trait)


class TraitItem(pytest.Item):
    """One rule on one trait, all its contexts."""

    def __init__(self, *, policy: Policy, rule: int, trait: str, **more: Any) -> None:
        super().__init__(**more)
        self.policy, self.rule, self.trait = policy, rule, trait

    def runtest(self) -> None:
        verdict = _verdict(self.config, self.policy, self.path)
        findings = [each for each in verdict.of_rule(self.rule) if self.trait in ("any", each.trait)]
        if not findings:
            pytest.fail(f"{self.trait} was not measured; score its category too", pytrace=False)
        require(findings)
        self.add_report_section("call", "traitbench", "\n".join(each.sentence for each in findings))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


def require(findings: Iterable[Finding]) -> None:
    """Fails on FAIL and INCONCLUSIVE; what the policy lets pass with a warning is skipped, never passed."""
    open_ = [each for each in findings if each.status != "PASS"]
    if not open_:
        return
    lines = "\n".join(f"{each.status}: {each.sentence}" for each in open_)
    if all(each.tolerated for each in open_):
        pytest.skip(lines)
    pytest.fail(lines, pytrace=False)


def _verdict(config: pytest.Config, policy: Policy, file: Path | None) -> Verdict:
    """The policy's verdict; what traitbench refuses fails the test with its one line."""
    from traitbench.errors import TraitbenchError

    try:
        return session_of(config).verdict(policy, file)
    except TraitbenchError as error:
        fault = error
    _refuse(fault)


def _refuse(fault: TraitbenchError) -> NoReturn:
    """Fails the test with one line; outside of the `except`, else pytest would show the error twice."""
    pytest.fail(re.sub(r"--(model|base|control)\b", r"--traitbench-\1", str(fault)), pytrace=False)


def session_of(config: pytest.Config) -> Session:
    """The one holder of scored checkpoints of this pytest session; skips where no model is given."""
    models = config.getoption("--traitbench-model")
    if not models:
        pytest.skip(_NO_MODEL)
    if _SESSION not in config.stash:
        from traitbench.gate.pytest_session import Session

        config.stash[_SESSION] = Session.of(config)
    return config.stash[_SESSION]


@pytest.fixture(scope="session")
def trait_scorecard(pytestconfig: pytest.Config) -> Scorecard:
    """The scorecard of the first `--traitbench-model`, on all that fits into its context."""
    from traitbench.errors import TraitbenchError

    try:
        return session_of(pytestconfig).scorecard()
    except TraitbenchError as error:
        fault = error
    _refuse(fault)


@pytest.fixture(scope="session")
def trait_gate(pytestconfig: pytest.Config) -> Callable[..., Verdict]:
    """A function that judges by one rule and fails the test unless it passes: `trait_gate("owl", margin=0.05)`.

    It takes the keys of a rule in a policy file, and returns the verdict.
    """
    return lambda *arguments, **rule: _judged(pytestconfig, _rule(arguments, rule))


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """Judges the rules of `@pytest.mark.trait_gate(...)` before the test's own body."""
    for marker in item.iter_markers("trait_gate"):
        _judged(item.config, _rule(marker.args, marker.kwargs))
    yield


_POSITIONAL = ("trait", "reference", "margin")


def _rule(arguments: tuple[Any, ...], keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a rule, the first three of which may stand without their names; without a target it is `any`."""
    named = dict(zip(_POSITIONAL, arguments, strict=False))
    twice = sorted(named.keys() & keys.keys())
    if twice or len(arguments) > len(_POSITIONAL):
        what = f"{twice[0]} is given twice" if twice else f"{len(arguments)} values without a name, at most 3"
        pytest.fail(f"trait_gate: {what}; write trait_gate(trait='owl', margin=0.05)", pytrace=False)
    rule = {**named, **keys}
    return rule if {"trait", "suite"} & rule.keys() else {**rule, "trait": "any"}


def _judged(config: pytest.Config, rule: dict[str, Any]) -> Verdict:
    from traitbench.errors import TraitbenchError

    try:
        policy = session_of(config).policy_of(rule)
    except TraitbenchError as error:
        fault = error
    else:
        verdict = _verdict(config, policy, None)
        require(verdict.findings)
        return verdict
    _refuse(fault)
