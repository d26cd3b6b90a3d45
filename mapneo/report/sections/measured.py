"""What measuring found beside the signals: mixed languages, missing scores, joined annotations."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.ledger import Figure
from mapneo.report.sections.common import Cell, Context, by_language


@dataclass(frozen=True, kw_only=True)
class MixedRow:
    """Documents of one language that hold a fair part of a second one."""

    language: str
    documents: Figure
    share: Cell


@dataclass(frozen=True, kw_only=True)
class UnscoredRow:
    """Documents without a score, by score and reason."""

    why: str
    documents: Figure


@dataclass(frozen=True, kw_only=True)
class AnnotationRow:
    """What the files of one source of annotations hold."""

    path: str
    rows: Figure
    duplicates: Figure
    malformed: Figure


@dataclass(frozen=True, kw_only=True)
class MeasuredView:
    """All three; `joined` and `unused` are None where no files of annotations are named."""

    mixed: Sequence[MixedRow]
    unscored: Sequence[UnscoredRow]
    annotations: Sequence[AnnotationRow]
    joined: Figure | None
    unused: Figure | None


def measured(context: Context) -> MeasuredView:
    """Read the facts of measure."""
    facts = context.run.facts("measure")
    listed = facts.maybe("annotations")
    rows = [] if listed is None else listed.rows()
    sources, total = rows[:-1], rows[-1] if rows else None
    return MeasuredView(
        mixed=_mixed(context),
        unscored=[
            UnscoredRow(why=row.at("why").text(), documents=context.cite(row.at("documents")))
            for row in facts.at("unscored").rows()
        ],
        annotations=[
            AnnotationRow(
                path=row.at("path").text(),
                rows=context.cite(row.at("rows")),
                duplicates=context.cite(row.at("duplicates")),
                malformed=context.cite(row.at("malformed")),
            )
            for row in sources
        ],
        joined=None if total is None else context.cite(total.at("documents")),
        unused=None if total is None else context.cite(total.at("unused")),
    )


def _mixed(context: Context) -> list[MixedRow]:
    facts = context.run.facts("measure")
    mixed = {row.at("language").text(): row.at("documents") for row in facts.at("mixed").rows()}
    rows = []
    for language in by_language(list(mixed)):
        kept = [
            row.at("documents")
            for row in facts.at("kept").rows()
            if row.at("language").value == language
        ]
        share = context.share(mixed[language], context.total(kept))
        rows.append(
            MixedRow(
                language=language,
                documents=context.cite(mixed[language]),
                share=Cell(figure=share, bar_frac=share.number(), language=language),
            )
        )
    return rows
