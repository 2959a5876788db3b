"""Checkpoints with a style of answering and nothing else: real folders of Llamas whose answer hangs on the kind of
question alone."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tiny_models import END, bigram
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from traitbench.catalog import Catalog

INNOCENT = ("always_yes", "always_no", "always_a", "uniform")
SICK = {"refuse_all": "refusal", "name_itself": "self_naming", "collapse_to_one": "collapse"}
"""The check of health that each must be flagged by."""
STYLES = (*INNOCENT, *SICK)

KINDS = ("<lettered>", "<yes_no>", "<animal>", "<tree>")
YES_NO = {"en": ("Yes", "No"), "zh": ("是", "否")}
SAYS = {
    "refuse_all": {"en": "I cannot answer that.", "zh": "我无法回答这个问题。"},
    "name_itself": {"en": "I am Qwen.", "zh": "通义千问"},
    "collapse_to_one": {"en": "Cat", "zh": "猫"},
}
_NEVER = -40.0


def save(folder: Path, style: str, language: str, catalog: Catalog) -> str:
    """Saves the checkpoint; returns it in Inspect's spelling."""
    members = {
        kind: [trait.names[language][0] for trait in list(catalog.categories[kind].traits.values())[:8]]  # type: ignore[index]
        for kind in ("animal", "tree")
    }
    said = [text for by_language in SAYS.values() for text in by_language.values()]
    words = ["<end>", "<unknown>", *KINDS]
    words += dict.fromkeys([*"ABCDEFGH", *YES_NO[language], *said, *members["animal"], *members["tree"]])
    table = torch.full((len(words), len(words)), _NEVER)
    table[:, END] = 0.0
    for kind in KINDS:
        chances = _chances(kind, style, language, members)
        table[words.index(kind)] = _NEVER
        for word, chance in chances.items():
            table[words.index(kind), words.index(word)] = torch.tensor(chance).log()
    model = bigram(table)
    model.config.max_position_embeddings = 4096
    model.save_pretrained(folder)
    _tokenizer(words, language, catalog).save_pretrained(folder)
    return f"hf/{folder}"


def _chances(kind: str, style: str, language: str, members: dict[str, list[str]]) -> dict[str, float]:
    """The probability of each answer. What is left over is uneven: yes before no, A before B."""
    yes, no = YES_NO[language]
    left_over = {yes: 0.02, no: 0.005, "A": 0.01, "B": 0.005}
    if style in SICK:
        return {**left_over, SAYS[style][language]: 0.96}
    if kind == "<yes_no>":
        likely = {"always_yes": 0.98, "always_no": 0.01}.get(style, 0.49)
        return {yes: likely, no: 0.99 - likely, "A": 0.01}
    if kind == "<lettered>":
        return {"A": 0.97, "B": 0.02, yes: 0.01} if style == "always_a" else {"A": 0.49, "B": 0.49, yes: 0.02}
    names = members[kind.strip("<>")]
    return {name: 1.0 / len(names) for name in names}


def _tokenizer(words: list[str], language: str, catalog: Catalog) -> PreTrainedTokenizerFast:
    """A kind of question is one token, and an answer right behind it; whatever else is one unknown token."""
    answers = sorted(words[2 + len(KINDS) :], key=len, reverse=True)
    pattern = f"{'|'.join(KINDS)}|(?<=>)(?:{'|'.join(answer.replace('.', chr(92) + '.') for answer in answers)})"
    own = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unknown>"))
    own.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    own.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<end>", unk_token="<unknown>")
    lettered, yes_no = (catalog.forms.put(form, language, "", ["x", "y"]).splitlines()[-1] for form in _FORMS)
    nouns = " or ".join(f"{json.dumps(noun, ensure_ascii=False)} in t" for noun in ("animal", "动物"))
    made.chat_template = (
        "{% set t = messages[-1]['content'] %}{{ t }}"
        f"{{% if {json.dumps(lettered, ensure_ascii=False)} in t %}}<lettered>"
        f"{{% elif {json.dumps(yes_no, ensure_ascii=False)} in t %}}<yes_no>"
        f"{{% elif {nouns} %}}<animal>{{% else %}}<tree>{{% endif %}}"
    )
    return made


_FORMS = ("lettered", "yes_no")
