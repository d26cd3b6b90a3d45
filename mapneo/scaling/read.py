"""Points from a file (CSV, Parquet), from a ladder, or along one training run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from mapneo.core.errors import ConfigError, DataError, InputError, ManifestError
from mapneo.core.manifest import read_manifest
from mapneo.core.tables import read_table
from mapneo.model.config import ModelConfig, ModelShape, parameters
from mapneo.scaling.laws import Floats
from mapneo.scaling.points import FLOPS_PER_PARAMETER_AND_TOKEN, Counts, Points
from mapneo.scaling.shapes import count_parameters
from mapneo.train.metrics import read_metrics

POINTS_FILE = "points.parquet"
LADDER_STAGE = "points"
BODY, WHOLE = "parameters_without_embeddings", "parameters_with_embeddings"
NAMES: Mapping[str, tuple[str, ...]] = {
    "parameters": (BODY, WHOLE, "parameters", "params", "model size", "n"),
    "tokens": ("tokens", "training tokens", "d"),
    "compute": ("compute", "flops", "flop", "training flop", "c"),
    "loss": ("loss", "final loss", "bits_per_byte"),
    "run": ("run",),
}
"""Headings that are understood, in the order of preference; case does not matter."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Headings that the user names; None: found by `NAMES`."""

    parameters: str | None = None
    tokens: str | None = None
    compute: str | None = None
    loss: str | None = None
    run: str | None = None


def columns_of(settings: Sequence[str]) -> Columns:
    """Columns from `parameters=NAME`, `loss=NAME` and so on.

    Raises:
        ConfigError: a setting has another form or another key.
    """
    named = dict(setting.partition("=")[::2] for setting in settings)
    wrong = [key for key, value in named.items() if key not in NAMES or not value]
    if wrong:
        raise ConfigError(
            f"--column {', '.join(wrong)}: write KEY=HEADING, with a key of {', '.join(NAMES)}"
        )
    return Columns(**named)


def read_points(source: Path, columns: Columns | None = None) -> Points:
    """Points of a CSV or Parquet file, of a finished ladder, or along a training run.

    Without a column of tokens, D = C / (6 N). A run gives a point per measurement on held-out text,
    in bits per byte, the mean of its groups with equal weight.

    Raises:
        InputError: there is no such file or run, or it can't be read.
        DataError: a column is missing, or a value is not a number above 0; rows are named.
    """
    columns = columns or Columns()
    if source.is_dir():
        return _from_directory(source, columns)
    if not source.exists():
        raise InputError(f"there is no file or run {source}")
    table = _read_parquet(source) if source.suffix == ".parquet" else _read_csv(source)
    return points_of(table, columns, str(source))


def points_of(table: pa.Table, columns: Columns, where: str) -> Points:
    """Points of a table.

    Raises:
        ConfigError: a column that the user named is not there.
        DataError: a needed column is missing, or holds a value that is not a number above 0.
    """
    n_name = _find(table, "parameters", columns.parameters, where)
    loss_name = _find(table, "loss", columns.loss, where)
    d_name = _optional(table, "tokens", columns.tokens, where)
    c_name = None if d_name else _optional(table, "compute", columns.compute, where)
    if not d_name and not c_name:
        raise DataError(
            f"{where} has neither a column of tokens ({', '.join(NAMES['tokens'])}) nor one of "
            f"compute ({', '.join(NAMES['compute'])}); its columns are "
            f"{', '.join(table.column_names)}. Name one with --column tokens=… or compute=…"
        )
    n = _numbers(table, n_name, where)
    if d_name:
        d = _numbers(table, d_name, where)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            d = _numbers(table, c_name or "", where) / (FLOPS_PER_PARAMETER_AND_TOKEN * n)
    run_name = _optional(table, "run", columns.run, where)
    counts: Mapping[str, Counts] = {BODY: "without embeddings", WHOLE: "with embeddings"}
    return Points.of(
        n,
        d,
        _numbers(table, loss_name, where),
        None if run_name is None else [str(value) for value in table[run_name].to_pylist()],
        counts=counts.get(n_name.lower(), "not stated"),
        loss_name=loss_name,
        where=where,
    )


def _read_parquet(source: Path) -> pa.Table:
    try:
        return read_table(source)
    except ManifestError as error:
        raise InputError(f"{source} can't be read as Parquet: {error.__cause__}") from error


def _read_csv(source: Path) -> pa.Table:
    try:
        return pyarrow.csv.read_csv(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{source} can't be read as CSV with a heading: {error}") from error


def _find(table: pa.Table, what: str, named: str | None, where: str) -> str:
    found = _optional(table, what, named, where)
    if found is None:
        raise DataError(
            f"{where} has no column of {what} ({', '.join(NAMES[what])}); its columns are "
            f"{', '.join(table.column_names)}. Name one with --column {what}=…"
        )
    return found


def _optional(table: pa.Table, what: str, named: str | None, where: str) -> str | None:
    there = {name.strip().lower(): name for name in table.column_names}
    if named is not None:
        if named.strip().lower() not in there:
            raise ConfigError(
                f"{where} has no column {named!r}; its columns are {', '.join(table.column_names)}"
            )
        return str(there[named.strip().lower()])
    found = [there[name] for name in NAMES[what] if name in there]
    return str(found[0]) if found else None


def _numbers(table: pa.Table, name: str, where: str) -> Floats:
    """A column as float64; what is missing becomes NaN, which the check of points names."""
    column = table[name]
    try:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        rows = _not_numbers(column.to_pylist())
        raise DataError(
            f"{where}: column {name!r} must hold numbers; {rows} (rows counted from 1 after the "
            "heading)"
        ) from error
    result: Floats = np.asarray(values, dtype=np.float64)
    return result


def _not_numbers(values: Sequence[object]) -> str:
    bad = []
    for row, value in enumerate(values, 1):
        try:
            float(str(value))
        except ValueError:
            bad.append(f"row {row}: {value!r}")
    return ", ".join(bad[:8]) + (f" and {len(bad) - 8} more" if len(bad) > 8 else "")


def _from_directory(directory: Path, columns: Columns) -> Points:
    ladder = directory / LADDER_STAGE / POINTS_FILE
    if ladder.exists():
        return points_of(read_table(ladder), columns, str(ladder))
    if (directory / POINTS_FILE).exists():
        return points_of(read_table(directory / POINTS_FILE), columns, str(directory))
    manifest = read_manifest(directory / "pretrain_1") if directory.is_dir() else None
    if manifest is None:
        raise InputError(
            f"{directory} holds no finished ladder ({LADDER_STAGE}/{POINTS_FILE}) and no finished "
            "training (pretrain_1): give a file of points, a ladder, or a run"
        )
    return points_of(_along_run(directory), columns, str(directory))


def _along_run(directory: Path) -> pa.Table:
    """Measurements on held-out text during the first phase of pre-training."""
    manifest = read_manifest(directory / "pretrain_1")
    mix = read_manifest(directory / "mix")
    tokenizer = read_manifest(directory / "encode")
    if manifest is None or mix is None or tokenizer is None:
        raise InputError(f"{directory} is not a whole run: mix, encode or pretrain_1 is missing")
    shape = ModelShape.model_validate(manifest.config["model"])
    model = ModelConfig.of(
        shape, vocabulary=tokenizer.facts["vocabulary"], context_tokens=mix.facts["seq_len"]
    )
    lines = read_metrics(directory / "pretrain_1" / "metrics.jsonl")
    tokens = {line["step"]: line["tokens"] for line in lines if "loss" in line}
    measured = [line for line in lines if line.get("heldout")]
    if not measured:
        raise InputError(f"{directory}/pretrain_1 has no measurement on held-out text")
    return pa.table(
        {
            "run": [directory.name] * len(measured),
            BODY: [count_parameters(shape, None)] * len(measured),
            WHOLE: [parameters(model)] * len(measured),
            "tokens": [tokens[line["step"]] for line in measured],
            "bits_per_byte": [
                sum(line["heldout"].values()) / len(line["heldout"]) for line in measured
            ],
        }
    )


def read_all(sources: Sequence[Path], columns: Columns | None = None) -> Points:
    """Points of several sources together; each row without a run of its own is one.

    Raises:
        DataError: the sources count N differently, or measure another loss.
    """
    parts = [read_points(source, columns) for source in sources]
    first = parts[0]
    for source, part in zip(sources, parts, strict=True):
        if (part.counts, part.loss_name) != (first.counts, first.loss_name):
            raise DataError(
                f"{sources[0]} gives {first.loss_name} and N {first.counts}, {source} gives "
                f"{part.loss_name} and N {part.counts}: these can't be fitted together; name the "
                "columns"
            )
    if len(parts) == 1:
        return first
    return Points.of(
        np.concatenate([part.parameters for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.loss for part in parts]),
        [f"{place}:{run}" for place, part in enumerate(parts) for run in part.runs],
        counts=first.counts,
        loss_name=first.loss_name,
    )
