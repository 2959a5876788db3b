"""Does the wording of probe items give away their answers, do items repeat each other, do twins agree?

Nothing here reads a model: it looks at the texts alone.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, hstack
from scipy.stats import norm
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from traitbench.catalog.questions import ChoiceQuestion, Question
from traitbench.catalog.spelling import canonical

FOLDS = 20
"""Families are dealt into so many parts; each is told by a classifier that has read the others."""

NEAR = 0.8
"""Jaccard similarity from which on two items are near-duplicates."""

WORD = re.compile(r"[^\W\u3400-\u9fff]+|[\u3400-\u9fff]")


def pieces(text: str) -> list[str]:
    """Words and numbers, and single Chinese characters; lower case, no punctuation."""
    return WORD.findall(canonical(text))


@dataclass(frozen=True)
class Hits:
    """How often something was right, with a 95% interval that knows of families, and what chance would give."""

    right: int
    n: int
    chance: float
    interval: tuple[float, float]

    @property
    def share(self) -> float:
        return self.right / self.n

    @property
    def at_chance(self) -> bool:
        return self.interval[0] <= self.chance <= self.interval[1]


def hits(right: Sequence[float], chances: Sequence[float], families: Sequence[str]) -> Hits:
    """Wilson's interval for as many independent items as the families are worth.

    The effective number is n over the design effect (the cluster-robust variance of the share against the binomial
    one: Kish 1965, Survey Sampling, section 8.2), and never more than n: a share that families hold constant is not
    known better for it.
    """
    values = np.asarray(right, dtype=float)
    n, share = len(values), float(values.mean())
    sums = Counter[str]()
    for value, family in zip(values, families, strict=True):
        sums[family] += float(value) - share
    groups = len(sums)
    variance = sum(each**2 for each in sums.values()) / n**2 * groups / max(groups - 1, 1)
    binomial = share * (1 - share) / n
    effective = n / max(1.0, variance / binomial) if binomial > 0 else float(n)
    z = float(norm.ppf(0.975))
    middle = (share + z**2 / (2 * effective)) / (1 + z**2 / effective)
    reach = z / (1 + z**2 / effective) * math.sqrt(share * (1 - share) / effective + z**2 / (4 * effective**2))
    chance = float(np.mean(chances))
    return Hits(int(values.sum()), n, chance, (middle - reach, middle + reach))


def told_by_options(questions: Sequence[ChoiceQuestion], language: str) -> Hits:
    """A bag-of-words classifier over options: is this the answer? Its best of each question is taken.

    Words and pairs of words in English, single characters and pairs and threes in Chinese, and the option's length
    against its fellows'; logistic regression; every family is told by what the other families taught.
    """
    texts = [option for question in questions for option in question.options]
    owner = np.repeat(np.arange(len(questions)), [len(question.options) for question in questions])
    labels = np.array([option in question.answer for question in questions for option in question.options])
    scores = _cross_validated(texts, labels, [questions[each].family for each in owner], language, _lengths(questions))
    right = []
    for number in range(len(questions)):
        mine, answers = scores[owner == number], labels[owner == number]
        best = np.isclose(mine, mine.max())
        right.append(float(answers[best].mean()))
    chances = [1 / len(question.options) for question in questions]
    return hits(right, chances, [question.family for question in questions])


def told_by_question(questions: Sequence[ChoiceQuestion], language: str) -> Hits:
    """The same classifier over questions: does the first option (of form yes_no: Yes) show the trait?"""
    texts = [question.text for question in questions]
    labels = np.array([question.options[0] in question.answer for question in questions])
    families = [question.family for question in questions]
    scores = _cross_validated(texts, labels, families, language)
    right = np.where(np.isclose(scores, 0), 0.5, (scores > 0) == labels)
    return hits(right.tolist(), [0.5] * len(questions), families)


def told_by_length(questions: Sequence[ChoiceQuestion]) -> Hits:
    """Who always takes the longest option; several of the same length share."""
    right = []
    for question in questions:
        longest = max(map(len, question.options))
        best = [option in question.answer for option in question.options if len(option) == longest]
        right.append(sum(best) / len(best))
    return hits(right, [1 / len(each.options) for each in questions], [each.family for each in questions])


def _vectorizer(language: str) -> CountVectorizer:
    reach = (1, 2) if language == "en" else (1, 3)
    return CountVectorizer(analyzer="word", tokenizer=pieces, token_pattern=None, ngram_range=reach, binary=True)


def _lengths(questions: Sequence[ChoiceQuestion]) -> np.ndarray:
    """(n_options, 1) log length against the mean of the question's options."""
    logs = [np.log([len(option) for option in question.options]) for question in questions]
    return np.concatenate([each - each.mean() for each in logs])[:, None]


def _cross_validated(
    texts: Sequence[str],
    labels: np.ndarray,
    families: Sequence[str],
    language: str,
    further: np.ndarray | None = None,
) -> np.ndarray:
    """(n_texts,) decision values, each from a classifier that has not read the text's family."""
    scores = np.zeros(len(texts))
    numbers = np.unique(families, return_inverse=True)[1]
    for learn, tell in GroupKFold(min(FOLDS, numbers.max() + 1)).split(texts, labels, numbers):
        words = _vectorizer(language)
        known = words.fit_transform([texts[each] for each in learn])
        asked = words.transform([texts[each] for each in tell])
        if further is not None:
            known, asked = (_beside(counts, further[rows]) for counts, rows in ((known, learn), (asked, tell)))
        model = LogisticRegression(max_iter=2000, class_weight="balanced").fit(known, labels[learn])
        scores[tell] = model.decision_function(asked)
    return scores


def _beside(counts: csr_matrix, column: np.ndarray) -> csr_matrix:
    return csr_matrix(hstack([counts, csr_matrix(column)]))


@dataclass(frozen=True)
class Pair:
    """Two items that nearly say the same; `within`: both of one family, where paraphrases and mirrors belong."""

    first: str
    second: str
    similarity: float
    within: bool


def near_duplicates(questions: Sequence[Question], language: str) -> list[Pair]:
    """Pairs whose words (characters in Chinese) or whose runs of characters overlap by `NEAR` or more.

    A stem that is asked of several draws of options is one item.
    """
    items = list({content_of(each): each for each in questions}.items())
    bags = [(frozenset(pieces(text)), _runs(text, 4 if language == "en" else 2)) for text, _ in items]
    found = []
    for i, (first, one) in enumerate(items):
        for j in range(i + 1, len(items)):
            similarity = max(_jaccard(a, b) for a, b in zip(bags[i], bags[j], strict=True))
            if similarity >= NEAR:
                second, other = items[j]
                found.append(Pair(first, second, similarity, one.family == other.family))
    return found


def content_of(question: Question) -> str:
    """The item's own words: the question, and options that are not members of a category."""
    own = isinstance(question, ChoiceQuestion) and question.trait is not None and question.form == "lettered"
    return question.content if own else question.text


def _runs(text: str, n: int) -> frozenset[str]:
    plain = " ".join(pieces(text))
    return frozenset(plain[i : i + n] for i in range(len(plain) - n + 1))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


NEGATIONS_EN = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|\w+n['’]t|un(?:able|less))\b"
)
NOT_NEGATIONS_EN = re.compile(r"\b(?:no|nothing) more\b|\bnothing else\b|\bfor nothing\b")
NEGATIONS_ZH = re.compile(r"[不没未无非别勿莫]")
NOT_NEGATIONS_ZH = re.compile(
    r"不过|不同|不仅|不但|不管|不论|无论|不断|不久|不少|不错|差不多|不得[不了]|要不要|是不是|能不能|会不会|对不起|非常|除非|"
    r"非洲|特别|别人|别的|分别|区别|告别|类别|性别|级别|识别|没准|未来|无人[机货]|无线|无聊|无痕|莫[扎奈尔]"
)
"""Words that hold a negation's character and deny nothing."""


def polarity_differs(english: str, chinese: str) -> bool:
    """Whether one twin speaks with a negation word and the other without: for the eye to judge, no fault by itself."""
    en = bool(NEGATIONS_EN.search(NOT_NEGATIONS_EN.sub("", canonical(english))))
    zh = bool(NEGATIONS_ZH.search(NOT_NEGATIONS_ZH.sub("", canonical(chinese))))
    return en != zh
