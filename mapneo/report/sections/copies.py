"""Copies: how large clusters are, between which sources, and some of them side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from mapneo.core.errors import ManifestError
from mapneo.curate.minhash_setting import MinHashSetting
from mapneo.report.charts.copies import candidate_curve, cluster_sizes
from mapneo.report.charts.draw import Chart
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt

MOST_PAIRS = 20
_CURVE_POINTS = 101


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """Copies from one source of documents that stay in another, by kind."""

    source: str
    survivor_source: str
    language: str
    rule: str
    documents: Figure
    size_bytes: Figure


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of text: `shared`, `left` (only the survivor's) or `right` (only the copy's)."""

    side: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CopyView:
    """A copy beside its survivor."""

    doc_id: str
    kind: str
    similarity: Figure
    pieces: Sequence[Piece]


@dataclass(frozen=True, kw_only=True)
class ClusterView:
    """One cluster: its survivor's name, its size, some of its copies."""

    cluster_id: str
    language: str
    size: Figure
    copies: Sequence[CopyView]


@dataclass(frozen=True, kw_only=True)
class CopiesView:
    """All about copies."""

    clusters: Figure
    largest: Figure
    sizes: Chart | None
    curve: Chart | None
    pairs: Sequence[PairRow]
    more_pairs: bool
    samples: Sequence[ClusterView]


def copies(context: Context) -> CopiesView | Gap:
    """Read what dedup left."""
    return attempt(_copies, context)


def _copies(context: Context) -> CopiesView:
    facts = context.run.facts("dedup")
    pairs = sorted(
        facts.at("pairs").rows(), key=lambda row: (-row.at("documents").number(), row.pointer)
    )
    rows = context.run.json("dedup", "cluster_samples.json").at("rows").rows()
    return CopiesView(
        clusters=context.cite(facts.at("clusters")),
        largest=context.cite(facts.at("largest_cluster")),
        sizes=_sizes(context, facts.at("cluster_sizes").rows()),
        curve=_curve(context),
        pairs=[_pair(context, row) for row in pairs[:MOST_PAIRS]],
        more_pairs=len(pairs) > MOST_PAIRS,
        samples=[_cluster(context, row) for row in rows],
    )


def _sizes(context: Context, rows: Sequence[Node]) -> Chart | None:
    if not rows:
        return None
    sizes = context.ledger.series([row.at(0) for row in rows])
    counts = context.ledger.series([row.at(1) for row in rows])
    title = str(context.say("copies.sizes_title"))
    return cluster_sizes(
        sizes, counts, title=title, text=str(context.say("copies.sizes_text", kinds=len(rows)))
    )


def _curve(context: Context) -> Chart | None:
    config = context.run.manifest("dedup").at("config")
    try:
        setting = MinHashSetting.model_validate(config.at("minhash").value)
    except ValidationError as error:
        raise ManifestError(f"dedup's manifest holds no setting of MinHash: {error}") from error
    points = [k / (_CURVE_POINTS - 1) for k in range(_CURVE_POINTS)]
    bound = config.at("min_similarity").number()
    return candidate_curve(
        [(x, setting.candidate_probability(x)) for x in points],
        bound,
        title=str(context.say("copies.curve_title")),
        text=str(
            context.say("copies.curve_text", bands=setting.bands, rows=setting.rows, bound=bound)
        ),
    )


def _pair(context: Context, row: Node) -> PairRow:
    return PairRow(
        source=row.at("source").text(),
        survivor_source=row.at("survivor_source").text(),
        language=row.at("language").text(),
        rule=row.at("rule").text(),
        documents=context.cite(row.at("documents")),
        size_bytes=context.cite(row.at("bytes"), Form.BYTES),
    )


def _cluster(context: Context, row: Node) -> ClusterView:
    return ClusterView(
        cluster_id=row.at("cluster_id").text(),
        language=row.at("language").text(),
        size=context.cite(row.at("size")),
        copies=[
            CopyView(
                doc_id=copy.at("doc_id").text(),
                kind=copy.at("kind").text(),
                similarity=context.cite(copy.at("similarity"), Form.SHARE),
                pieces=[piece for part in copy.at("pieces").rows() for piece in _pieces(part)],
            )
            for copy in row.at("copies").rows()
        ],
    )


def _pieces(part: Node) -> list[Piece]:
    texts = [node.text() for node in part.rows()]
    sides = ("shared",) if len(texts) == 1 else ("left", "right")
    return [Piece(side=s, text=t) for s, t in zip(sides, texts, strict=True) if t]
