"""From prompts to preference pairs: how many prompts gave a pair, and why others gave none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt

FIRST_REASONS = ("tie", "one_answer", "prompt_too_long")


@dataclass(frozen=True, kw_only=True)
class PairsRow:
    """One round of sampling; `without` says by reason how many prompts gave no pair."""

    stage: str
    policy: str
    scorer: Figure
    prompts: Figure
    gave: Figure
    gave_share: Figure
    without: Mapping[str, Figure]
    samples: Figure
    pairs: Figure
    mean_score: Figure
    mean_reward: Figure


@dataclass(frozen=True, kw_only=True)
class PairsView:
    """All rounds of sampling, with the reasons in the order of the columns."""

    reasons: Sequence[str]
    rows: Sequence[PairsRow]
    missing: Sequence[Gap]


def pairs(context: Context) -> PairsView:
    """Read the manifests of the stages `preference_<n>`."""
    stages = [name for name in context.run.stages if name.startswith("preference_")]
    found = [attempt(context.run.manifest, stage) for stage in stages]
    nodes = [node for node in found if isinstance(node, Node)]
    rows = [attempt(_row, context, node) for node in nodes]
    return PairsView(
        reasons=_reasons(nodes),
        rows=[row for row in rows if isinstance(row, PairsRow)],
        missing=[gap for gap in (*found, *rows) if isinstance(gap, Gap)],
    )


def _reasons(nodes: Sequence[Node]) -> list[str]:
    tables = [attempt(_dropped, node) for node in nodes]
    named = {name for table in tables if not isinstance(table, Gap) for name in table}
    return [*(n for n in FIRST_REASONS if n in named), *sorted(named - set(FIRST_REASONS))]


def _dropped(manifest: Node) -> dict[str, Node]:
    return manifest.at("counts", "dropped").fields()


def _scorer(context: Context, stage: str) -> Figure:
    return _text(context, context.run.facts(stage).at("scorer"))


def _text(context: Context, node: Node) -> Figure:
    node.text()
    return context.cite(node)


def scored_by_verifier(context: Context) -> tuple[bool, Figure] | None:
    """Whether the verifier had a part in scoring what the policies train on, and who scored.

    None: no round has been sampled for them yet.
    """
    stages = [name for name in context.run.stages if name.startswith("preference_")][1:]
    known = [attempt(_scorer, context, stage) for stage in stages]
    scorers = [figure for figure in known if not isinstance(figure, Gap)]
    within = [figure for figure in scorers if "verifier" in str(figure.value)]
    return (bool(within), (within or scorers)[-1]) if scorers else None


def _row(context: Context, manifest: Node) -> PairsRow:
    counts, facts = manifest.at("counts"), manifest.at("facts")
    dropped = _dropped(manifest)
    return PairsRow(
        stage=manifest.at("stage").text(),
        policy=facts.at("policy").text(),
        scorer=_text(context, facts.at("scorer")),
        prompts=context.cite(counts.at("documents_in")),
        gave=context.cite(counts.at("kept")),
        gave_share=context.share(counts.at("kept"), counts.at("documents_in")),
        without={name: context.cite(node) for name, node in dropped.items()},
        samples=context.cite(facts.at("samples")),
        pairs=context.cite(facts.at("pairs")),
        mean_score=context.cite(facts.at("mean_score"), Form.DECIMAL),
        mean_reward=context.cite(facts.at("mean_verifiable_reward"), Form.DECIMAL),
    )
