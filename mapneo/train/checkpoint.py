"""Checkpoints: `step-<n>/` in torch's distributed format, complete once `state.json` is there.

A checkpoint is written beside its place and renamed, `state.json` last, with the hash of every
file. One that is torn, corrupt or of other settings is never used.
"""

import errno
import hashlib
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

from mapneo.core.errors import ManifestError
from mapneo.core.files import read_json, sha256_file, storage_error, write_json
from mapneo.core.progress import Progress
from mapneo.train.optim import Optimizer

STATE_NAME = "state.json"
_PREFIX, _WRITING = "step-", "writing-step-"


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """Where a run stands: enough, with the weights, to go on as if never stopped."""

    step: int
    tokens: int
    """Tokens read so far."""
    samples: int
    """Data position: samples seen so far."""
    skipped: tuple[int, ...]
    fingerprint: str
    loss_hex: str
    weights_sha256: str


class Checkpoints:
    """The checkpoints of one run with one set of settings."""

    def __init__(self, directory: Path, *, fingerprint: str, keep: int, progress: Progress) -> None:
        """Look at `directory`; checkpoints with another fingerprint will be passed over."""
        self._directory = directory
        self._fingerprint = fingerprint
        self._keep = keep
        self._progress = progress

    def save(self, model: nn.Module, optimizer: Optimizer, state: TrainState) -> None:
        """Write `step-<n>/` and remove the oldest beyond the number to keep.

        Raises:
            StorageError: the disk is full or not writable; older checkpoints are untouched.
        """
        place = self._directory / f"{_PREFIX}{state.step}"
        draft = self._directory / f"{_WRITING}{state.step}"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            _write(_tensors(model, optimizer), draft)
            files = {p.name: sha256_file(p) for p in sorted(draft.iterdir())}
            write_json(draft / STATE_NAME, {**asdict(state), "files": files})
            shutil.rmtree(place, ignore_errors=True)
            draft.rename(place)
            _sync(self._directory)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise storage_error(error, place) from error
        for path in self._places()[self._keep :]:
            shutil.rmtree(path)

    def restore(self, model: nn.Module, optimizer: Optimizer) -> TrainState | None:
        """Load the newest usable checkpoint into `model` and `optimizer`.

        Unusable ones are named through `progress.note` and removed.

        Returns:
            Its state, or None if the run starts from the beginning.
        """
        for draft in self._directory.glob(f"{_WRITING}*"):
            shutil.rmtree(draft)
        for path in self._places():
            fault, state = self._examine(path)
            if state is not None:
                tensors = _tensors(model, optimizer)
                with _alone():
                    state_dict_loader.load(tensors, checkpoint_id=path)
                _set_tensors(model, optimizer, tensors)
                self._progress.note(f"goes on from {path.name}")
                return state
            self._progress.note(f"{path.name} is not used: {fault}")
            shutil.rmtree(path)
        return None

    def _examine(self, path: Path) -> tuple[str, TrainState | None]:
        """What is wrong with a checkpoint, or its state."""
        try:
            value = read_json(path / STATE_NAME)
            files = value.pop("files")
            state = TrainState(**{**value, "skipped": tuple(value["skipped"])})
        except (ManifestError, KeyError, TypeError, AttributeError) as error:
            return f"its {STATE_NAME} can't be read ({error})", None
        if state.fingerprint != self._fingerprint:
            return "it belongs to other settings or other data", None
        for name, sha256 in files.items():
            if not (path / name).exists():
                return f"its file {name} is missing", None
            if sha256_file(path / name) != sha256:
                return f"its file {name} is damaged", None
        return "", state

    def _places(self) -> list[Path]:
        """Checkpoint folders, newest first."""
        places = [p for p in self._directory.glob(f"{_PREFIX}*") if p.name[5:].isdigit()]
        return sorted(places, key=lambda path: -int(path.name[5:]))


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 over the names, in order, and float32 bytes of all parameters."""
    total = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        total.update(name.encode() + b"\0")
        total.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def _tensors(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    model_state, optimizer_state = get_state_dict(model, optimizer.members)
    return {"model": model_state, "optimizer": optimizer_state, "rng": torch.get_rng_state()}


def _set_tensors(model: nn.Module, optimizer: Optimizer, tensors: dict[str, Any]) -> None:
    set_state_dict(
        model,
        optimizer.members,
        model_state_dict=tensors["model"],
        optim_state_dict=tensors["optimizer"],
    )
    torch.set_rng_state(tensors["rng"])


def _write(tensors: dict[str, Any], folder: Path) -> None:
    """Save with torch, whose writer hides the system's reason when the disk is full."""
    try:
        with _alone():
            state_dict_saver.save(tensors, checkpoint_id=folder)
    except (RuntimeError, CheckpointException) as error:
        needed_bytes = sum(
            weight.numel() * weight.element_size() for weight in tensors["model"].values()
        )
        is_full = shutil.disk_usage(folder).free < needed_bytes
        raise OSError(errno.ENOSPC if is_full else errno.EIO, str(error)) from error


@contextmanager
def _alone() -> Iterator[None]:
    """Saving from one process is meant; torch warns each time that it assumes so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
