"""One optimizer step on the demo's model (bfloat16, 16 × 256 tokens): ours and transformers."""

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from bench.paired import in_turn
from mapneo.model.config import TINY, ModelConfig
from mapneo.model.transformer import Transformer
from mapneo.train.config import AdamWConfig, TrainConfig
from mapneo.train.loop import train_step
from mapneo.train.machine import keep_freed_memory
from mapneo.train.objectives import NextToken
from mapneo.train.optim import build_optimizer

WINDOWS, TOKENS, VOCABULARY = 16, 256, 8192


def our_step(batch: torch.Tensor, config: TrainConfig) -> Any:
    """A closure that makes one step of our model."""
    model = Transformer(ModelConfig.of(TINY, vocabulary=VOCABULARY, context_tokens=TOKENS))
    model.draw_weights(1)
    model.compute_dtype = torch.bfloat16
    optimizer = build_optimizer(model, AdamWConfig())
    optimizer.set_rate(1e-4)
    return lambda: train_step(model, optimizer, batch, NextToken(), config)


def their_step(batch: torch.Tensor) -> Any:
    """A closure that makes one step of the same architecture in transformers, under autocast."""
    shape = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=TINY.hidden,
        intermediate_size=TINY.ffn,
        num_hidden_layers=TINY.layers,
        num_attention_heads=TINY.heads,
        num_key_value_heads=TINY.kv_heads,
        max_position_embeddings=TOKENS,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            ids = batch[:, :-1].contiguous()
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def measure() -> list[dict[str, Any]]:
    """Both in one process, so the peer too gets our setting of the memory allocator."""
    keep_freed_memory()
    batch = torch.randint(3, VOCABULARY, (WINDOWS, TOKENS + 1), generator=torch.manual_seed(1))
    schedule = {"kind": "constant", "peak": 1e-4}
    config = TrainConfig(steps=1, windows=WINDOWS, micro_batch=WINDOWS, schedule=schedule)
    ways = {"mapneo": our_step(batch, config), "transformers": their_step(batch)}
    return in_turn(ways, rounds=7, work=WINDOWS * TOKENS, unit="tokens")
