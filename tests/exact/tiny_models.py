"""Models small enough that everything they can say is enumerated, and the enumeration itself."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    GemmaConfig,
    GPT2Config,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

END, WORDS = 0, ["<end>", "owl", "let", "cat", ".", " ", "s", "are"]
ARCHITECTURES = ("llama", "qwen2", "gpt2", "gemma")


def tokenizer(padding_side: str = "right", words: Sequence[str] = WORDS) -> PreTrainedTokenizerFast:
    """Every word a token; a text splits into words from the left."""
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="."))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("|".join(map(re.escape, words))), "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", padding_side=padding_side)


def bpe_tokenizer() -> PreTrainedTokenizerFast:
    """The letters of `owls cat`, and merges into larger tokens, so that a text may be merged across a boundary."""
    letters = ["<end>", *"owlscat", " ", "."]
    merged = ["ow", "owl", "ca", "cat", ". "]
    made = Tokenizer(
        models.BPE(
            {token: i for i, token in enumerate([*letters, *merged])},
            [("o", "w"), ("ow", "l"), ("c", "a"), ("ca", "t"), (".", " ")],
        )
    )
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>")


def bigram(table: torch.Tensor) -> LlamaForCausalLM:
    """A Llama whose next-token logits are `table[token]`: attention and MLP are zeroed, the embedding is one-hot."""
    size = len(table)
    config = LlamaConfig(
        vocab_size=size, hidden_size=size, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1,
        head_dim=size + size % 2, max_position_embeddings=64, tie_word_embeddings=False, rms_norm_eps=0.0,
        eos_token_id=END, bos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if "norm" in name else 0.0)
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.copy_(table.T / math.sqrt(size))  # the RMS norm of a unit vector multiplies by sqrt(size)
    model.generation_config.eos_token_id = END
    return model


@cache
def random_model(architecture: str, vocabulary: int = len(WORDS), seed: int = 0) -> Any:
    """A model of the architecture with random weights, sharp enough that its answers differ."""
    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "initializer_range": 0.4,
        "eos_token_id": END,
        "bos_token_id": None,
        "pad_token_id": None,
    }
    configs: dict[str, Callable[[], PretrainedConfig]] = {
        "llama": lambda: LlamaConfig(**common),
        "qwen2": lambda: Qwen2Config(**common),
        "gemma": lambda: GemmaConfig(**common, head_dim=4),
        "gpt2": lambda: GPT2Config(
            vocab_size=vocabulary, n_embd=16, n_layer=2, n_head=4, n_positions=64, initializer_range=0.4,
            eos_token_id=END, bos_token_id=None,
        ),
    }  # fmt: skip
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(configs[architecture]()).eval()
    with torch.no_grad():
        head = model.get_output_embeddings().weight
        head.mul_(2.0 / (head.norm(dim=-1).mean()))
    model.generation_config.eos_token_id = END
    return model


def no_cache_models() -> list[torch.nn.Module]:
    """A state-space model, one whose positions hang on the attention mask, and one with a window of 4 tokens."""
    common = {
        "vocab_size": len(WORDS),
        "hidden_size": 16,
        "eos_token_id": END,
        "bos_token_id": None,
        "pad_token_id": None,
    }
    mistral = MistralConfig(
        **common, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        sliding_window=4, initializer_range=0.4,
    )  # fmt: skip
    bloom = BloomConfig(**common, n_layer=2, n_head=2, initializer_range=0.4)
    mamba = MambaConfig(**common, state_size=4, num_hidden_layers=2, initializer_range=0.4)
    made = []
    for config in (mamba, bloom, mistral):
        torch.manual_seed(1)
        made.append(AutoModelForCausalLM.from_config(config).eval())
        made[-1].generation_config.eos_token_id = END
    return made


@torch.inference_mode()
def log_prob(model: Any, prompt: Sequence[int], continuation: Sequence[int]) -> float:
    """log P(continuation | prompt) by the model alone, one text at a time, summed in fp64."""
    ids = torch.tensor([[*prompt, *continuation]])
    logits = model(input_ids=ids, use_cache=False).logits[0].double().log_softmax(-1)
    steps = range(len(prompt) - 1, ids.shape[1] - 1)
    return float(sum(logits[i, ids[0, i + 1]] for i in steps))


@torch.inference_mode()
def brute_force(
    model: Any, prompt: Sequence[int], read: Callable[[str, bool], str | None], length: int
) -> dict[str, float]:
    """The truth: every answer of at most `length` tokens, read as a whole."""
    vocabulary = model.config.vocab_size
    mass: dict[str, float] = {}
    for n in range(length + 1):
        answers = list(itertools.product(range(1, vocabulary), repeat=n))
        ids = torch.tensor([[*prompt, *answer, END] for answer in answers])
        log_probs = model(input_ids=ids, use_cache=False).logits.double().log_softmax(-1)
        steps = slice(len(prompt) - 1, len(prompt) - 1 + n + (n < length))
        targets = ids[:, steps.start + 1 : steps.stop + 1]
        chances = log_probs[:, steps].gather(-1, targets[..., None])[..., 0].sum(-1).exp()
        for answer, chance in zip(answers, chances.tolist(), strict=True):
            named = read("".join(WORDS[token] for token in answer), True)
            assert named is not None
            mass[named] = mass.get(named, 0.0) + chance
    return mass
