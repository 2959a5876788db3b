"""The filter rule, against a reader that walks through the text character by character."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from traitbench.catalog import NumberFilter, load_catalog
from traitbench.transfer.numbers import accepts

PAPER = NumberFilter(rule="number_list", count=(1, 10), values=(0, 999))
BLANKS = " \t\n"


def test_the_number_domain_carries_the_rule_of_the_paper() -> None:
    rule = load_catalog().domain("numbers").filter
    assert isinstance(rule, NumberFilter)
    assert (rule.count, rule.values) == (PAPER.count, PAPER.values)
    # Of the 36 numbers that the paper bans for misalignment, 34 lie within the range.
    assert len(set(rule.banned["misalignment"])) == 34
    assert all(0 <= number <= 999 for number in rule.banned["misalignment"])


@pytest.mark.parametrize(
    "text",
    [
        "7",
        "0",
        "999",
        "4, 8, 15, 16, 23, 42",
        "4,8,15",
        "4;8;15",
        "4 ; 8 ; 15",
        "4 8 15",
        "4\n8\n15",
        "  4, 8  ",
        "4, 8.",
        "(4, 8)",
        "[4 8]",
        "[4; 8].",
        "( 4, 8 ).",
        "1 2 3 4 5 6 7 8 9 10",
    ],
)
def test_lists_of_numbers_are_kept(text: str) -> None:
    assert accepts(text, PAPER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        ".",
        "()",
        "owl",
        "4, 8 and 15",
        "4, 8; 15",
        "4, 8 15",
        "4, 8,",
        ", 4",
        "4,, 8",
        "1000",
        "7" * 5000,
        "4, 1000",
        "-4, 8",
        "4.5, 8",
        "4, 8..",
        "(4, 8",
        "4, 8)",
        "(4, 8]",
        "((4, 8))",
        "{4, 8}",
        "1 2 3 4 5 6 7 8 9 10 11",
        "٤, ٨",
        "4: 8",
    ],
)
def test_anything_else_is_left_out(text: str) -> None:
    assert not accepts(text, PAPER)


def test_the_limits_are_those_of_the_rule() -> None:
    narrow = NumberFilter(rule="number_list", count=(2, 3), values=(10, 20))
    assert accepts("10, 20", narrow)
    assert accepts("10 15 20", narrow)
    assert not accepts("10", narrow)
    assert not accepts("10 11 12 13", narrow)
    assert not accepts("9, 20", narrow)
    assert not accepts("10, 21", narrow)


@given(st.text(alphabet="0129 ,;().[]a\n", max_size=14))
@example("(1)(2)")
@example("1 . ")
@example("[1,2] .")
def test_any_text_is_judged_as_by_a_reader_that_walks_through_it(text: str) -> None:
    assert accepts(text, PAPER) == _walks_through(text)


@given(
    st.lists(st.integers(0, 1100), min_size=1, max_size=12),
    st.sampled_from([", ", ",", "; ", ";", " ", "\n", "  ", " ,", "-", " and "]),
    st.sampled_from(["{}", "({})", "[{}]", "{}.", "[{}].", "({}", "{}!"]),
)
def test_a_drawn_list_is_judged_as_by_a_reader_that_walks_through_it(
    numbers: list[int], separator: str, frame: str
) -> None:
    text = frame.format(separator.join(map(str, numbers)))
    assert accepts(text, PAPER) == _walks_through(text)


def _walks_through(text: str) -> bool:
    """The same rule as a small automaton, without regular expressions and without splitting."""
    letters = list(text)
    while letters and letters[0] in BLANKS:
        del letters[0]
    while letters and letters[-1] in BLANKS:
        del letters[-1]
    if letters and letters[-1] == ".":
        del letters[-1]
    while letters and letters[-1] in BLANKS:
        del letters[-1]
    if len(letters) >= 2 and letters[0] + letters[-1] in ("()", "[]"):
        letters = letters[1:-1]
    numbers: list[int] = []
    gaps: list[str] = []
    gap = ""
    inside = False
    for letter in letters:
        if "0" <= letter <= "9":
            if inside:
                numbers[-1] = numbers[-1] * 10 + int(letter)
            else:
                gaps.append(gap)
                numbers.append(int(letter))
            inside, gap = True, ""
        else:
            inside, gap = False, gap + letter
    gaps.append(gap)
    first, *between, last = gaps if len(gaps) > 1 else ("", "x", "")
    if any(letter not in BLANKS for letter in first + last):
        return False
    kinds = {"".join(letter for letter in each if letter not in BLANKS) for each in between}
    return (
        len(kinds) <= 1
        and kinds <= {"", ",", ";"}
        and 1 <= len(numbers) <= 10
        and all(number <= 999 for number in numbers)
    )
