"""From weights and what there is to whole windows per bucket, and the table that explains it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.mix.config import MixConfig, MixPhase, MixRule
from mapneo.mix.quotas import Bucket, BucketName, PhaseQuotas, TokenFile, windows_available
from mapneo.tokenizer.apportion import apportion


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One bucket in one phase, for the page.

    `asked_frac` is the bucket's share of the phase by the rules' weights alone, `given_frac` what
    it gets after caps; `epochs_before` counts the phases before this one.
    """

    phase: int
    rule: str
    source: str
    language: str
    category: str
    windows_available: int
    asked_frac: float
    given_frac: float
    quota_windows: int
    tokens: int
    epochs: float
    epochs_before: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Quotas of all phases, the rows that explain them, and sentences worth reading."""

    phases: tuple[PhaseQuotas, ...]
    rows: tuple[PlanRow, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """What `plan.json` holds."""
        return {"rows": [asdict(row) for row in self.rows], "warnings": list(self.warnings)}


def plan_mixture(config: MixConfig, files: Mapping[BucketName, Sequence[TokenFile]]) -> Plan:
    """Resolve all phases of `config` over the token files at hand.

    Raises:
        DataError: a rule matches no data, or a phase asks for more windows than there are.
    """
    empty = {name: _bucket(name, tuple(files[name]), config.seq_len) for name in sorted(files)}
    seen: Counter[BucketName] = Counter()
    phases, rows, warnings = [], [], []
    for number, phase in enumerate(config.phases, 1):
        resolved = _resolve(number, phase, empty)
        rows += _rows(number, phase, resolved, seen, config.seq_len)
        for buckets in resolved.values():
            seen.update({bucket.name: bucket.quota_windows for bucket in buckets})
        used = [b for group in resolved.values() for b in group if b.quota_windows]
        used.sort(key=lambda bucket: bucket.name)
        phases.append(PhaseQuotas(phase=number, windows=phase.windows, buckets=tuple(used)))
        warnings += _left_out(number, resolved, empty)
    warnings += _read_often(seen, empty, config.max_total_epochs)
    return Plan(phases=tuple(phases), rows=tuple(rows), warnings=tuple(warnings))


def _bucket(name: BucketName, files: tuple[TokenFile, ...], seq_len: int) -> Bucket:
    tokens = sum(file.tokens for file in files)
    return Bucket(
        **asdict(name),
        files=files,
        tokens=tokens,
        windows_available=windows_available(tokens, seq_len),
        quota_windows=0,
        epochs=0.0,
    )


def _resolve(
    number: int, phase: MixPhase, buckets: Mapping[BucketName, Bucket]
) -> dict[MixRule, list[Bucket]]:
    groups = _group(number, phase, buckets)
    caps = {
        rule: [int(rule.max_epochs * bucket.windows_available) for bucket in group]
        for rule, group in groups.items()
    }
    rule_caps = [sum(caps[rule]) for rule in groups]
    if sum(rule_caps) < phase.windows:
        listing = "; ".join(
            f"{rule.label}: {cap} (at {rule.max_epochs:g} epochs)"
            for rule, cap in zip(groups, rule_caps, strict=True)
        )
        raise DataError(
            f"mix phase {number} asks for {phase.windows} windows, but its rules can give only "
            f"{sum(rule_caps)}: {listing}; ask for fewer windows, allow more epochs, or add data"
        )
    given = apportion(phase.windows, [rule.weight for rule in groups], rule_caps)
    return {
        rule: _split(quota, group, caps[rule])
        for (rule, group), quota in zip(groups.items(), given, strict=True)
    }


def _group(
    number: int, phase: MixPhase, buckets: Mapping[BucketName, Bucket]
) -> dict[MixRule, list[Bucket]]:
    """Buckets by the first rule that matches them."""
    groups: dict[MixRule, list[Bucket]] = {rule: [] for rule in phase.rules}
    for name, bucket in buckets.items():
        rule = next((rule for rule in phase.rules if rule.matches(name)), None)
        if rule is not None:
            groups[rule].append(bucket)
    for rule, group in groups.items():
        if not any(bucket.windows_available for bucket in group):
            there = ", ".join(
                f"{name.source}/{name.language}/{name.category} ({bucket.tokens} tokens)"
                for name, bucket in buckets.items()
            )
            tokens = sum(bucket.tokens for bucket in group)
            raise DataError(
                f"mix phase {number}: no window of data for the rule `{rule.label}` "
                f"({len(group)} buckets, {tokens} tokens that an earlier rule has not taken); "
                f"there are: {there or 'no token files at all'}"
            )
    return groups


def _split(quota: int, group: Sequence[Bucket], caps: Sequence[int]) -> list[Bucket]:
    shares = apportion(quota, [bucket.windows_available for bucket in group], caps)
    return [
        Bucket(
            **{
                **vars(bucket),
                "quota_windows": share,
                "epochs": share / bucket.windows_available if share else 0.0,
            }
        )
        for bucket, share in zip(group, shares, strict=True)
    ]


def _rows(
    number: int,
    phase: MixPhase,
    resolved: Mapping[MixRule, Sequence[Bucket]],
    seen: Mapping[BucketName, int],
    seq_len: int,
) -> list[PlanRow]:
    weights = sum(rule.weight for rule in resolved)
    rows = []
    for rule, group in resolved.items():
        size = sum(bucket.windows_available for bucket in group)
        for bucket in group:
            available = bucket.windows_available
            rows.append(
                PlanRow(
                    phase=number,
                    rule=rule.label,
                    **asdict(bucket.name),
                    windows_available=available,
                    asked_frac=rule.weight / weights * available / size,
                    given_frac=bucket.quota_windows / phase.windows,
                    quota_windows=bucket.quota_windows,
                    tokens=bucket.quota_windows * seq_len,
                    epochs=bucket.epochs,
                    epochs_before=seen.get(bucket.name, 0) / available if available else 0.0,
                )
            )
    return rows


def _left_out(
    number: int,
    resolved: Mapping[MixRule, Sequence[Bucket]],
    buckets: Mapping[BucketName, Bucket],
) -> list[str]:
    taken = {bucket.name for group in resolved.values() for bucket in group}
    return [
        f"phase {number}: no rule takes {name.source}/{name.language}/{name.category} "
        f"({bucket.tokens} tokens)"
        for name, bucket in buckets.items()
        if name not in taken
    ]


def _read_often(
    seen: Mapping[BucketName, int], buckets: Mapping[BucketName, Bucket], max_epochs: float
) -> list[str]:
    return [
        f"{name.source}/{name.language}/{name.category} is read "
        f"{seen[name] / bucket.windows_available:.1f} times over all phases "
        f"(more than {max_epochs:g})"
        for name, bucket in buckets.items()
        if bucket.windows_available and seen[name] > max_epochs * bucket.windows_available
    ]
