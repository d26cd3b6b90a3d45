"""The tokenizer: does every text come back, and what does text cost?"""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.curation import Compression, compression
from mapneo.report.charts.draw import Chart
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt, by_language


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """How many texts were encoded and decoded, and how many came back changed."""

    is_lossless: bool
    cases: Figure
    failed: Figure
    groups: Sequence["RoundTripGroup"]


@dataclass(frozen=True, kw_only=True)
class RoundTripGroup:
    """One kind of difficult text."""

    name: str
    cases: Figure
    failed: Figure


@dataclass(frozen=True, kw_only=True)
class CompressionRow:
    """What one language and category costs on held-out text."""

    language: str
    category: str
    documents: Figure
    characters: Figure
    tokens: Figure
    chars_per_token: Figure
    bytes_per_token: Figure


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """A row of the paper's compression table."""

    name: str
    language: str
    chars_per_token: Figure
    is_confirmed: bool


@dataclass(frozen=True, kw_only=True)
class CompressionView:
    """Our compression beside the paper's."""

    rows: Sequence[CompressionRow]
    paper: Sequence[PaperRow]
    paper_source: str
    chart: Chart


@dataclass(frozen=True, kw_only=True)
class TokenizerView:
    """The tokenizer's section."""

    vocabulary: Figure | Gap
    check: RoundTrip | Gap
    compression: CompressionView | Gap


def tokenizer(context: Context, paper: Node) -> TokenizerView:
    """Read the tokenizer's check and compression."""
    return TokenizerView(
        vocabulary=attempt(vocabulary, context),
        check=attempt(round_trip, context),
        compression=attempt(lambda: _compression(context, paper.at("compression"))),
    )


def vocabulary(context: Context) -> Figure:
    """Number of pieces, as encode wrote it down for the trainer."""
    return context.cite(context.run.facts("encode").at("vocabulary"))


def round_trip(context: Context) -> RoundTrip:
    """The lossless check by group.

    Raises:
        ManifestError: the tokenizer has not been checked yet.
    """
    check = context.run.json("tokenizer", "check.json")
    groups = [
        RoundTripGroup(
            name=row.at("group").text(),
            cases=context.cite(row.at("cases")),
            failed=context.cite(row.at("failed")),
        )
        for row in check.at("groups").rows()
    ]
    return RoundTrip(
        is_lossless=check.at("lossless").value is True,
        cases=context.cite(check.at("cases")),
        failed=context.total([group.failed for group in groups]),
        groups=groups,
    )


def _compression(context: Context, paper: Node) -> CompressionView:
    table = context.run.json("tokenizer", "compression.json").at("rows").rows()
    languages = by_language([row.at("language").text() for row in table])
    table.sort(
        key=lambda row: (languages.index(row.at("language").text()), row.at("category").text())
    )
    rows = [_row(context, row) for row in table]
    papers = [_paper_row(context, row) for row in paper.at("rows").rows()]
    return CompressionView(
        rows=rows,
        paper=papers,
        paper_source=paper.at("source").text(),
        chart=_chart(context, rows, papers, by_language([row.language for row in rows])),
    )


def _row(context: Context, row: Node) -> CompressionRow:
    characters, tokens = row.at("chars"), row.at("tokens")
    per_token = context.ledger.derive
    return CompressionRow(
        language=row.at("language").text(),
        category=row.at("category").text(),
        documents=context.cite(row.at("documents")),
        characters=context.cite(characters, Form.COMPACT),
        tokens=context.cite(tokens, Form.COMPACT),
        chars_per_token=per_token("ratio", [characters, tokens], Form.DECIMAL),
        bytes_per_token=per_token("ratio", [row.at("bytes"), tokens], Form.DECIMAL),
    )


def _paper_row(context: Context, row: Node) -> PaperRow:
    return PaperRow(
        name=row.at("name").text(),
        language=row.at("language").text(),
        chars_per_token=context.cite(row.at("chars_per_token"), Form.DECIMAL),
        is_confirmed=row.at("confidence").text() == "seen",
    )


def _chart(
    context: Context,
    rows: Sequence[CompressionRow],
    paper: Sequence[PaperRow],
    languages: Sequence[str],
) -> Chart:
    dots = []
    for language in by_language([*languages, *(row.language for row in paper)]):
        dots += [
            Compression(
                label=f"{language} · {row.category}",
                language=language,
                chars_per_token=row.chars_per_token.number(),
                ours=True,
            )
            for row in rows
            if row.language == language
        ]
        dots += [
            Compression(
                label=row.name if row.is_confirmed else f"{row.name} †",
                language=language,
                chars_per_token=row.chars_per_token.number(),
                ours=False,
            )
            for row in paper
            if row.language == language
        ]
    return compression(dots, title=str(context.say("tokenizer.chart")))
