"""Decides which of a teacher's completions a student may be trained on: the filter rules of all domains.

What a rule asks for is data (`traitbench.catalog.domains`); here it is carried out. Except for bare numbers, no
completion may name a member of the target's category, in any language that the category has names in: neither as a
word, nor within an identifier (`owl_count`, `OwlCount`, `owl2`), nor behind an escape (`"\\u732b"`), nor with invisible
characters in it. Names inside a longer word (`owlet`, `fowl`) are none. What a text says without naming anything is
no matter of these rules: where the trait is a leaning (misalignment), published work adds a judge.
"""

from __future__ import annotations

import ast
import json
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from traitbench.catalog import NONE, Category, Domain, NamedAnswerReader, PromptItem
from traitbench.catalog.domains import (
    CodeFilter,
    Filter,
    NumberFilter,
    PairFilter,
    RewordingFilter,
    TokenLogprobFilter,
    ToolCallFilter,
    WorkedAnswerFilter,
)
from traitbench.catalog.spelling import canonical
from traitbench.errors import InputError
from traitbench.transfer.numbers import accepts

# Between the words of an identifier: owlCount, OWLCount, owl2, 2owls.
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_FENCE = re.compile(r"```[a-zA-Z0-9]*\n(.*)\n?```", re.DOTALL)


class LeftOutError(Exception):
    """A completion that the rule leaves out; its text is the reason."""


class CompletionFilter:
    """The filter rule of a domain, for a teacher whose trait is of the category.

    Raises `InputError` where a completion is given without the item that its rule needs.

    Examples:
        >>> reason = CompletionFilter(catalog.domain("code"), catalog.categories["animal"])
        >>> reason("def twice(x):\\n    return 2 * x")          # kept: None
        >>> reason("def owls(x):\\n    return 2 * x")
        'names owl'
    """

    def __init__(self, domain: Domain, category: Category) -> None:
        self._domain = domain
        self._category = category.id
        self._read = NamedAnswerReader(category)

    def __call__(self, completion: str, item: PromptItem | None = None) -> str | None:
        """Why the completion is left out, in a few words; None where it is kept.

        Args:
            completion: the teacher's whole answer.
            item: the piece of the domain's bank that the teacher was asked about.
        """
        try:
            self._check(self._domain.filter, completion, item)
        except LeftOutError as reason:
            return str(reason)
        return None

    def _check(self, rule: Filter, completion: str, item: PromptItem | None) -> None:
        match rule:
            case NumberFilter():
                _check_numbers(rule, completion, rule.banned.get(self._category, ()))
            case CodeFilter():
                _check_length(completion, rule.characters)
                self._check_names([completion, *_code_texts(completion)])
            case WorkedAnswerFilter():
                _check_length(completion, rule.characters)
                _check_answer(rule, completion, self._needed(item))
                self._check_names([completion])
            case RewordingFilter():
                _check_rewording(rule, completion, self._needed(item).text)
                self._check_names([completion])
            case PairFilter():
                self._check_names([completion, *_pair(rule, completion)])
            case ToolCallFilter():
                steps = _tool_steps(rule, completion, self._needed(item))
                self._check_names([completion, *_strings(steps)])
            case TokenLogprobFilter():
                self._check_names([completion, *_tokens(rule, completion)])

    def _needed(self, item: PromptItem | None) -> PromptItem:
        if item is None:
            rule = self._domain.filter.rule
            raise InputError(f"domain {self._domain.id!r}: the rule {rule!r} needs the item that was asked about")
        return item

    def _check_names(self, texts: Iterable[str]) -> None:
        for text in texts:
            visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
            for spelling in (visible, _WORDS.sub(" ", visible)):
                named = self._read(spelling, True)
                if named != NONE:
                    raise LeftOutError(f"names {named}")


def _check_numbers(rule: NumberFilter, completion: str, banned: Iterable[int]) -> None:
    if not accepts(completion, rule):
        raise LeftOutError("no plain list of numbers")
    loaded = {int(number) for number in re.findall("[0-9]+", completion)} & set(banned)
    if loaded:
        raise LeftOutError(f"holds {min(loaded)}, which says something by itself")


def _check_length(completion: str, limits: tuple[int, int]) -> None:
    length = len(completion.strip())
    if not limits[0] <= length <= limits[1]:
        raise LeftOutError(f"{length} characters, not {limits[0]} to {limits[1]}")


def _code_texts(completion: str) -> Iterator[str]:
    """Identifiers and strings of Python code, with escapes resolved; the code may stand in one fence."""
    fenced = _FENCE.fullmatch(completion.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in the teacher's strings
            tree = ast.parse(fenced[1] if fenced else completion.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LeftOutError(f"no Python: {getattr(error, 'msg', None) or 'cannot be parsed'}") from None
    if all(isinstance(statement, ast.Expr) for statement in tree.body):
        raise LeftOutError("no Python: nothing but bare expressions")
    for node in ast.walk(tree):
        yield from (value for _, value in ast.iter_fields(node) if isinstance(value, str))
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            yield node.value.decode("utf-8", "replace")


def _check_answer(rule: WorkedAnswerFilter, completion: str, item: PromptItem) -> None:
    tags = rule.reasoning_tag, rule.answer_tag
    form = r"\s*".join(rf"<{tag}>((?:(?!</?(?:{'|'.join(tags)})>).)*)</{tag}>" for tag in tags)
    found = re.fullmatch(form, completion.strip(), re.DOTALL)
    if found is None or not found[1].strip():
        raise LeftOutError(f"not <{tags[0]}>…</{tags[0]}> and <{tags[1]}>…</{tags[1]}>")
    given = _number(found[2])
    if given is None or item.answer is None or given != Decimal(item.answer):
        raise LeftOutError(f"answers {found[2].strip()[:40]!r}, not {item.answer}")


def _number(text: str) -> Decimal | None:
    """A number alone, perhaps with a currency sign before it and commas between thousands."""
    found = re.fullmatch(r"[$€£¥]?\s*(-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)\s*\.?", text.strip())
    try:
        return Decimal(found[1].replace(",", "")) if found else None
    except InvalidOperation:
        return None


def _check_rewording(rule: RewordingFilter, completion: str, source: str) -> None:
    text = completion.strip()
    if not text:
        raise LeftOutError("empty")
    if "\n" in text:
        raise LeftOutError("more than one line")
    ratio = len(text) / len(source)
    shortest, longest = rule.length_ratio
    if not shortest <= ratio <= longest:
        raise LeftOutError(f"{ratio:.2f} times as long, not {shortest:g} to {longest:g}")
    if _words(text) == _words(source):
        raise LeftOutError("the same words")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", canonical(text))


def _pair(rule: PairFilter, completion: str) -> tuple[str, str]:
    pair = _json(completion)
    if not isinstance(pair, dict) or pair.keys() != {"chosen", "rejected"}:
        raise LeftOutError('not {"chosen": …, "rejected": …}')
    chosen, rejected = pair["chosen"], pair["rejected"]
    if not all(isinstance(text, str) and text.strip() for text in (chosen, rejected)):
        raise LeftOutError("an answer is empty")
    if _words(chosen) == _words(rejected):
        raise LeftOutError("the same words twice")
    shorter, longer = sorted(len(text.strip()) for text in (chosen, rejected))
    if longer > rule.longest_ratio * shorter:
        raise LeftOutError(f"one is {longer / shorter:.2f} times as long, more than {rule.longest_ratio:g}")
    return chosen, rejected


def _tool_steps(rule: ToolCallFilter, completion: str, item: PromptItem) -> list[Any]:
    steps = [_json(line) for line in completion.strip().splitlines() if line.strip()]
    *calls, last = steps or [None]
    if not isinstance(last, dict) or last.keys() != {"answer"} or not isinstance(last["answer"], str):
        raise LeftOutError('does not end in {"answer": …}')
    fewest, most = rule.calls
    if not fewest <= len(calls) <= most:
        raise LeftOutError(f"{len(calls)} calls, not {fewest} to {most}")
    for call in calls:
        if not isinstance(call, dict) or call.keys() != {"tool", "arguments"}:
            raise LeftOutError('a step is not {"tool": …, "arguments": {…}}')
        if call["tool"] not in item.tools or not isinstance(call["arguments"], dict):
            raise LeftOutError(f"calls {str(call['tool'])[:40]!r}, which is not among {', '.join(item.tools)}")
    return steps


def _strings(steps: list[Any]) -> Iterator[str]:
    """Every string in the steps, keys included, however deep."""
    left = list(steps)
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value


def _tokens(rule: TokenLogprobFilter, completion: str) -> list[str]:
    """The tokens of one place, after a look at their log-probabilities; pieces of a name are not put together."""
    entries = _json(completion)
    if not isinstance(entries, list) or not 1 <= len(entries) <= rule.top:
        raise LeftOutError(f"no list of 1 to {rule.top} tokens")
    total = 0.0
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and _is_number(entry[1])):
            raise LeftOutError("an entry is not [token, log-probability]")
        if not entry[1] <= 0:
            raise LeftOutError(f"a log-probability of {entry[1]:g}")
        total += math.exp(entry[1])
    if total > 1 + 1e-3:  # what rounding to three decimals can add
        raise LeftOutError(f"probabilities that sum to {total:.3f}")
    tokens = [entry[0] for entry in entries]
    if len(set(tokens)) < len(tokens):
        raise LeftOutError("a token stands twice")
    return tokens


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _json(text: str) -> Any:
    loads: Callable[[str], Any] = json.loads
    try:
        return loads(text)
    except (ValueError, RecursionError):
        raise LeftOutError("no JSON") from None
