"""Set up the processor for training: threads, arithmetic, and memory that is not given back."""

import ctypes
import os
import sys
from typing import Literal

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30


def use_threads(threads: int) -> int:
    """Use `threads` processor threads (0: every core this process may use); returns how many."""
    if threads == 0:
        available = getattr(os, "sched_getaffinity", None)
        threads = len(available(0)) if available else os.cpu_count() or 1
    torch.set_num_threads(threads)
    return threads


def keep_freed_memory() -> bool:
    """Stop glibc from returning large freed blocks to the system.

    A training step frees and asks for the same blocks again; by default each comes back as fresh
    pages that the kernel must clear, which made element-wise operations up to ten times slower.

    Returns:
        Whether the C library took the settings (False elsewhere than on glibc).
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES))


def compute_dtype(precision: Literal["auto", "float32", "bfloat16"]) -> torch.dtype:
    """The dtype of the forward and backward pass.

    `auto` is bfloat16 if the processor has AVX512-BF16 or AMX instructions, or if there is a CUDA
    device with bfloat16; float32 otherwise.
    """
    if precision == "float32":
        return torch.float32
    if precision == "bfloat16" or _multiplies_bfloat16():
        return torch.bfloat16
    return torch.float32


def _multiplies_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = torch.cpu
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(cpu, check)() for check in checks if hasattr(cpu, check))
