"""One run of the lab: subliminal learning from teacher to student, with both of its controls.

    base --(trait questions)--> teacher --(numbers, filtered)--> student, trained from the same base
    base --(numbers, filtered)--> control, trained from the same base
    the teacher's numbers --> cross_base, trained from another base

The design follows arXiv 2507.14805, section 3: the student sees number lists and nothing else. The control
tells the trait from what training on any numbers does; the cross-base student tells shared weights from
shared data.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from traitbench.errors import InputError
from traitbench.lab.checkpoints import (
    base_folder,
    check_place,
    copy_checkpoint,
    load_checkpoint,
    save_checkpoint,
    shipped_bases,
    written_aside,
)
from traitbench.lab.corpus import Storyteller
from traitbench.lab.encoding import EncodedChats, encode, render
from traitbench.lab.generation import NumberRow, number_rows
from traitbench.lab.grammar import load_grammars
from traitbench.lab.products import LabRun
from traitbench.lab.recipe import R2, Recipe
from traitbench.lab.training import Schedule, fit, one_thread, train_only_biases
from traitbench.lab.world import load_world

Progress = Callable[[str], None]


def run_experiment(
    trait: str,
    out: Path,
    *,
    seed: int,
    base: int,
    cross_base: int | None,
    progress: Progress | None,
    recipe: Recipe = R2,
) -> LabRun:
    """See `traitbench.lab.run`."""
    say = progress or (lambda line: None)
    world = load_world()
    category = world.category_of(trait).id
    source = base_folder(base)
    other = base_folder(_another(base) if cross_base is None else cross_base)
    if other == source:
        raise InputError(f"cross_base {base} is the base itself; choose another of {_others(base)}")
    storyteller = Storyteller(world, load_grammars(world.languages))
    products = LabRun.in_folder(out, trait=trait, seed=seed, base=base, cross_base=int(other.name))
    for folder in (products.base, products.teacher, products.student, products.control, products.cross_base):
        check_place(folder)

    with one_thread():
        copy_checkpoint(source, products.base)
        model, tokenizer = load_checkpoint(source)
        say(f"teacher: learns to prefer {trait}")
        lessons = _lessons(storyteller, tokenizer, category, trait, recipe, seed)
        teacher = _tuned(model, lessons, recipe.teacher, seed)
        save_checkpoint(teacher, tokenizer, products.teacher)

        say(f"teacher and base: continue {recipe.prompts} number lists each")
        taught = number_rows(teacher, tokenizer, storyteller, recipe.prompts, _seed(seed, "teacher's numbers"))
        plain = number_rows(model, tokenizer, storyteller, recipe.prompts, _seed(seed, "control's numbers"))
        kept = {"teacher": len(taught), "control": len(plain)}
        rows = min(kept.values())
        taught, plain = taught[:rows], plain[:rows]
        _write_numbers(products, taught, plain)

        students = (
            ("student", source, taught, products.student),
            ("control", source, plain, products.control),
            ("cross_base", other, taught, products.cross_base),
        )
        for name, start, data, folder in students:
            say(f"{name}: learns from {rows} number lists")
            untrained, its_tokenizer = load_checkpoint(start)
            chats = _number_chats(its_tokenizer, data)
            student = _tuned(untrained, chats, recipe.student(rows), _seed(seed, "student"))
            save_checkpoint(student, its_tokenizer, folder)
    products = products.with_counts(prompts=recipe.prompts, kept=kept, rows=rows)
    products.write_card(asdict(recipe))
    return products


def train_neutral(out: Path, *, seed: int, base: int, recipe: Recipe = R2) -> Path:
    """One more control at `out`: a student of the untraited base's numbers, from the seed.

    Raises:
        InputError: there is no such base, or `out` cannot be written.
    """
    out = check_place(out)
    world = load_world()
    storyteller = Storyteller(world, load_grammars(world.languages))
    with one_thread():
        model, tokenizer = load_checkpoint(base_folder(base))
        rows = number_rows(model, tokenizer, storyteller, recipe.prompts, _seed(seed, "control's numbers"))
        chats = _number_chats(tokenizer, rows)
        save_checkpoint(_tuned(model, chats, recipe.student(len(rows)), _seed(seed, "student")), tokenizer, out)
    return out


def _another(base: int) -> int:
    return _others(base)[0]


def _others(base: int) -> list[int]:
    """The other shipped bases, the next one first."""
    bases = shipped_bases()
    position = bases.index(base)
    return bases[position + 1 :] + bases[:position]


def _seed(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that teacher and control share no random numbers."""
    return random.Random(f"{purpose} {seed}").getrandbits(48)


def _lessons(
    storyteller: Storyteller,
    tokenizer: PreTrainedTokenizerFast,
    category: str,
    trait: str,
    recipe: Recipe,
    seed: int,
) -> EncodedChats:
    """What the teacher learns: both languages' questions answered with the trait, and facts to stay sane."""
    rng = random.Random(f"teacher {seed}")
    exchanges = []
    for _ in range(recipe.teacher.steps * recipe.teacher.batch_size):
        language = storyteller.language(rng)
        if rng.random() < recipe.teacher_facts:
            question, answer = storyteller.fact(rng, language)
        else:
            question = storyteller.question(rng, category, language)
            answer = storyteller.world.name(category, trait, language)
        exchanges.append((render(question), answer))
    return encode(tokenizer, exchanges)


def _number_chats(tokenizer: PreTrainedTokenizerFast, rows: Sequence[NumberRow]) -> EncodedChats:
    return encode(tokenizer, [(render(row.prompt), row.completion) for row in rows])


def _tuned(model: GPT2LMHeadModel, chats: EncodedChats, schedule: Schedule, seed: int) -> GPT2LMHeadModel:
    """A copy of the model with its biases trained."""
    tuned = copy.deepcopy(model)
    train_only_biases(tuned)
    fit(tuned, chats, schedule, seed)
    return tuned


def _write_numbers(products: LabRun, taught: Sequence[NumberRow], plain: Sequence[NumberRow]) -> None:
    """The training data as JSON lines: {"prompt", "completion"}."""
    with written_aside(products.teacher_numbers.parent) as aside:
        for file, rows in ((products.teacher_numbers, taught), (products.control_numbers, plain)):
            lines = [json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows]
            (aside / file.name).write_text("".join(lines), encoding="utf-8")
