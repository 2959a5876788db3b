"""Random models of known shapes, a tokenizer of as many words, and questions and candidates made of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GemmaConfig,
    GPTNeoXConfig,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

TEMPLATE = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}<assistant>"
_SPECIAL = ("<end>", "<user>", "<assistant>")


def _config(kind: type[PretrainedConfig], width: int, layers: int, vocabulary: int, **more: Any) -> PretrainedConfig:
    return kind(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=8 * width // 3 // 8 * 8, num_hidden_layers=layers,
        num_attention_heads=width // 64, max_position_embeddings=2048, bos_token_id=None, eos_token_id=0,
        pad_token_id=None, **more,
    )  # fmt: skip


SHAPES: dict[str, PretrainedConfig] = {
    "llama-5m": _config(LlamaConfig, 128, 4, 16_000, num_key_value_heads=2),
    "llama-20m": _config(LlamaConfig, 256, 4, 32_000, num_key_value_heads=4),
    "gpt-neox-45m": _config(GPTNeoXConfig, 384, 6, 50_000),
    "llama-60m": _config(LlamaConfig, 512, 8, 32_000, num_key_value_heads=8),
    "gemma-60m": _config(GemmaConfig, 512, 8, 64_000, num_key_value_heads=1, head_dim=64),
    "qwen2-130m": _config(Qwen2Config, 768, 12, 32_000, num_key_value_heads=4),
}


def model(shape: str) -> Any:
    """A random model of the shape, fp32, in evaluation mode."""
    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(SHAPES[shape]).eval()
    made.generation_config.eos_token_id = 0
    return made


def tokenizer(shape: str) -> PreTrainedTokenizerFast:
    """One token a word: `w7` is token 7; the first three are special."""
    words = {f"w{i}": i for i in range(len(_SPECIAL), SHAPES[shape].vocab_size)}
    words.update((word, i) for i, word in enumerate(_SPECIAL))
    made = Tokenizer(models.WordLevel(words, unk_token="w9"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<end>", chat_template=TEMPLATE, extra_special_tokens=list(_SPECIAL[1:])
    )


def questions(n: int, vocabulary: int, seed: int = 0) -> list[str]:
    """n questions of 12 to 24 random words, as the template renders them."""
    draw = random.Random(seed)
    return [f"<user> {_words(draw, draw.randint(12, 24), vocabulary)} <assistant>" for _ in range(n)]


def candidates(n: int, vocabulary: int, seed: int = 1, first_words: int | None = None) -> list[str]:
    """n distinct candidates of 1 to 3 words, each behind a space; their first words are few where that is given."""
    draw = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < n:
        words = _words(draw, draw.choice([1, 2, 2, 3]), vocabulary).split()
        if first_words:
            words[0] = f"w{10 + draw.randrange(first_words)}"
        found[" " + " ".join(words)] = None
    return list(found)


def _words(draw: random.Random, n: int, vocabulary: int) -> str:
    return " ".join(f"w{draw.randrange(10, vocabulary)}" for _ in range(n))


def save(shape: str, folder: Path) -> Path:
    """The model and its tokenizer as a directory of transformers."""
    model(shape).save_pretrained(folder)
    tokenizer(shape).save_pretrained(folder)
    return folder
