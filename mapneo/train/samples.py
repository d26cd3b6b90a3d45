"""Continuations of a few prompts, so that a reader sees what the numbers mean."""

import re
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from mapneo.core.canonical import Json
from mapneo.model.generate import Sampling, generate
from mapneo.model.transformer import Transformer
from mapneo.tokenizer.lossless import escape, restore

_HAN = re.compile("[\u3400-\u9fff]")


def continue_prompts(
    model: Transformer, tokenizer: Path, prompts: Sequence[str], sampling: Sampling
) -> list[dict[str, Json]]:
    """Prompt, continuation and language (`zh` if the prompt has Han characters, else `en`).

    Of a prompt that is long for the model's context, only the end is shown to the model.
    """
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
    rows = []
    for prompt in prompts:
        ids = [pieces.eos_id(), *pieces.encode(escape(prompt))]
        new = generate(
            model,
            ids[-max(1, model.config.context_tokens // 2) :],
            sampling,
            stop=pieces.eos_id(),
            vocabulary=pieces.vocab_size(),
        )
        text = restore(pieces.decode(ids[1:] + new))
        rows.append(
            {
                "prompt": prompt,
                "continuation": text.removeprefix(prompt),
                "language": "zh" if _HAN.search(prompt) else "en",
            }
        )
    return rows
