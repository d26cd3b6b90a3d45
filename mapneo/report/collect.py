"""From the files of a run to everything the page shows, section by section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.report.ledger import Ledger
from mapneo.report.nodes import Node, RunFiles, toml_node
from mapneo.report.sections import (
    choice,
    claims,
    copies,
    cost,
    evaluation,
    funnel,
    head,
    lineage,
    mix,
    signals,
    tokenizer,
    training,
)
from mapneo.report.sections.alignment.view import AlignmentView, alignment
from mapneo.report.sections.common import Context, Gap
from mapneo.report.strings import Strings

PAPER = "mapneo/report/paper.toml"


@dataclass(frozen=True, kw_only=True)
class Page:
    """The views of all sections; None: the recipe has nothing that belongs there."""

    head: head.HeadView
    funnel: funnel.FunnelView
    signals: Sequence[signals.SignalsView] | Gap
    copies: copies.CopiesView | Gap
    tokenizer: tokenizer.TokenizerView
    mix: mix.MixView | Gap
    training: training.TrainingView
    alignment: AlignmentView | None
    evaluation: evaluation.EvaluationView
    choice: choice.ChoiceView | Gap
    claims: Sequence[claims.Claim] | Gap
    lineage: lineage.LineageView
    cost: cost.CostView | Gap


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The page's views, and the entries of all figures in them."""

    page: Page
    numbers: Json
    say: Strings


def collect(
    folders: Mapping[str, Path], *, run_name: str, claims_file: Path | None = None
) -> Collected:
    """Read the stages' `folders`, finished or not.

    Raises:
        InputError: the claims file is missing or is not TOML.
    """
    context = Context(run=RunFiles(folders), ledger=Ledger(), say=Strings())
    paper = paper_figures()
    table = None if claims_file is None else toml_node(claims_file, claims_file.name)
    page = Page(
        head=head.head(context, run_name),
        funnel=funnel.funnel(context, paper.at("retention")),
        signals=signals.signals(context),
        copies=copies.copies(context),
        tokenizer=tokenizer.tokenizer(context, paper),
        mix=mix.mix(context),
        training=training.training(context),
        alignment=alignment(context),
        evaluation=evaluation.evaluation(context),
        choice=choice.choice(context),
        claims=claims.claims(context, table),
        lineage=lineage.lineage(context),
        cost=cost.cost(context),
    )
    return Collected(page=page, numbers=context.ledger.as_json(), say=context.say)


def paper_figures() -> Node:
    """The paper's figures that stand beside ours, with their source."""
    with resources.as_file(resources.files("mapneo.report") / "paper.toml") as path:
        return toml_node(path, PAPER)
