"""Which clusters are held out: a choice by hash, per language and category.

A cluster is held out as a whole, so no copy of a held-out text is ever trained on.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import xxhash

Group = tuple[str, str]
"""Language and category."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How much of each group is held out.

    Attributes:
        frac: share of the group's clusters.
        min_documents: clusters at least, if the group is large enough to spare them.
        max_bytes: UTF-8 bytes of text at most.
    """

    frac: float
    min_documents: int
    max_bytes: int


def cluster_hash(cluster_id: str, seed: int) -> int:
    """xxh3-64 of the id: the order in which clusters are held out."""
    return xxhash.xxh3_64_intdigest(cluster_id.encode(), seed=seed)


def choose_heldout(documents: pa.Table, quota: Quota, seed: int) -> list[str]:
    """Cluster ids to hold out, sorted.

    Clusters are taken in the order of their hash until the quota is met; one that would pass
    `max_bytes` is skipped. At most half of a group is taken, and nothing of a group of one. A
    cluster with documents in several groups belongs to its smallest.

    Args:
        documents: columns cluster_id, language, category, bytes.
        quota: the same for all groups.
        seed: another seed gives another choice.
    """
    return sorted(
        name
        for clusters in _groups(documents.to_pylist()).values()
        for name in _take(clusters, quota, seed)
    )


def _groups(rows: Iterable[Mapping[str, str | int]]) -> dict[Group, dict[str, int]]:
    """Bytes of each cluster, by the group it belongs to."""
    size: dict[str, int] = defaultdict(int)
    home: dict[str, Group] = {}
    for row in rows:
        name, group = str(row["cluster_id"]), (str(row["language"]), str(row["category"]))
        size[name] += int(row["bytes"])
        home[name] = min(group, home.get(name, group))
    groups: dict[Group, dict[str, int]] = defaultdict(dict)
    for name, group in home.items():
        groups[group][name] = size[name]
    return groups


def _take(clusters: Mapping[str, int], quota: Quota, seed: int) -> list[str]:
    wanted = max(round(quota.frac * len(clusters)), quota.min_documents)
    wanted = min(wanted, len(clusters) // 2)
    taken: list[str] = []
    room = quota.max_bytes
    for name in sorted(clusters, key=lambda name: (cluster_hash(name, seed), name)):
        if len(taken) == wanted:
            break
        if clusters[name] <= room:
            taken.append(name)
            room -= clusters[name]
    return taken
