"""The head of the page: the verdict in one sentence, and the figures to see first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.sections.alignment.estimates import named
from mapneo.report.sections.alignment.reward import COIN
from mapneo.report.sections.alignment.rounds import rounds
from mapneo.report.sections.alignment.solved import overall
from mapneo.report.sections.alignment.view import FIRST_STAGE
from mapneo.report.sections.common import (
    PRETRAIN_STAGES,
    Context,
    Gap,
    KeyFigure,
    attempt,
)
from mapneo.report.sections.cost import finished
from mapneo.report.sections.evaluation import wholes
from mapneo.report.sections.floors import FLOOR_STAGES, Floor, floors

Verdict = Literal["passed", "failed", "open"]


@dataclass(frozen=True, kw_only=True)
class HeadView:
    """Name of the run, verdict, key figures; `unfinished` names stages without a manifest."""

    run_name: str
    verdict: Verdict
    sentence: Markup
    unfinished: Sequence[str]
    keys: Sequence[KeyFigure]


def head(context: Context, run_name: str) -> HeadView:
    """Read what the run as a whole came to."""
    verdict, sentence = _verdict(context)
    done = finished(context)
    makers = (
        _documents,
        _tokens,
        _parameters,
        _heldout,
        *((_solved, _reward) if FIRST_STAGE in context.run.stages else ()),
        _floors,
        _time,
    )
    found = [attempt(make, context) for make in makers]
    return HeadView(
        run_name=run_name,
        verdict=verdict,
        sentence=sentence,
        unfinished=[n for n in context.run.stages if n not in done and n != "report"],
        keys=[key for keys in found if not isinstance(keys, Gap) for key in keys],
    )


def _verdict(context: Context) -> tuple[Verdict, Markup]:
    found, missing = _measured(context)
    if not found and missing:
        return "open", context.say("head.verdict_open")
    asked = [floor for floor in found if not floor.is_aim]
    aims = [floor for floor in found if floor.is_aim]
    if not asked:
        return "open", context.say("head.verdict_none")
    missed = [floor for floor in asked if not floor.passed]
    words = context.say(
        "head.verdict_failed" if missed else "head.verdict_passed",
        failed=_number_of(context, missed),
        total=_number_of(context, asked),
    )
    if aims:
        met = _number_of(context, [floor for floor in aims if floor.passed])
        words += " " + context.say("head.aims", met=met, total=_number_of(context, aims))
    if missing:
        words += " " + context.say("head.verdict_missing", stages=", ".join(missing))
    return ("failed" if missed else "open" if missing else "passed"), words


def _measured(context: Context) -> tuple[list[Floor], list[str]]:
    """All floors and aims that are there, and the stages that have not measured theirs yet."""
    stages = [stage for stage in FLOOR_STAGES if stage in context.run.stages]
    by_stage = {stage: attempt(floors, context, stage) for stage in stages}
    found = [floor for each in by_stage.values() if not isinstance(each, Gap) for floor in each]
    return found, [stage for stage, each in by_stage.items() if isinstance(each, Gap)]


def _number_of(context: Context, found: Sequence[Floor]) -> Figure:
    return context.ledger.count([floor.node for floor in found])


def _documents(context: Context) -> list[KeyFigure]:
    arrived = context.run.manifest("extract").at("counts", "documents_in")
    kept = context.run.manifest("dedup").at("counts", "kept")
    body = context.say(
        "head.documents_body",
        arrived=context.cite(arrived, Form.COMPACT),
        kept=context.cite(kept, Form.COMPACT),
    )
    note = context.say("head.documents_note", share=context.share(kept, arrived))
    return [KeyFigure(label=str(context.say("head.documents")), body=body, note=note)]


def _tokens(context: Context) -> list[KeyFigure]:
    rows = context.run.facts("encode").at("train").rows()
    tokens = context.total([row.at("tokens") for row in rows], Form.COMPACT)
    size = context.total([row.at("bytes") for row in rows], Form.BYTES)
    return [
        KeyFigure(
            label=str(context.say("head.tokens")),
            body=Markup(tokens.__html__()),
            note=context.say("head.tokens_note", bytes=size),
        )
    ]


def _parameters(context: Context) -> list[KeyFigure]:
    facts = [attempt(context.run.facts, stage) for stage in PRETRAIN_STAGES]
    known = [fact for fact in facts if not isinstance(fact, Gap)]
    parameters = context.run.facts(PRETRAIN_STAGES[0]).at("parameters")
    tokens = context.total([fact.at("tokens") for fact in known], Form.COMPACT)
    return [
        KeyFigure(
            label=str(context.say("head.parameters")),
            body=Markup(context.cite(parameters, Form.COMPACT).__html__()),
            note=context.say("head.parameters_note", tokens=tokens),
        )
    ]


def _heldout(context: Context) -> list[KeyFigure]:
    """Bits per byte of the final model, one figure per language."""
    keys = []
    for group in wholes(context):
        score = group.model("pretrain_2") or group.model("pretrain_1")
        if score is None:
            continue
        language = context.say.maybe(f"language.{group.language}", group.language)
        keys.append(
            KeyFigure(
                label=str(context.say("head.heldout", language=language)),
                body=Markup(score.bits_per_byte.__html__()),
                note=context.say("head.heldout_note", low=score.low or "–", high=score.high or "–"),
            )
        )
    return keys


def _solved(context: Context) -> list[KeyFigure]:
    """Held-out tasks solved by the base model and by the last policy."""
    group = overall(context)
    known = [
        (named(context, "policy", each.policy), each.success)
        for each in (group.policies if group else [])
        if each.success is not None
    ]
    if len(known) < 2:
        return []
    (first, before), (last, after) = known[0], known[-1]
    body = context.say("head.from_to", before=before.value, after=after.value)
    note = context.say(f"head.solved_{after.after(before)}", first=first, last=last)
    return [KeyFigure(label=str(context.say("head.solved")), body=body, note=note)]


def _reward(context: Context) -> list[KeyFigure]:
    """Verifiable reward of sampled answers before and after the rounds."""
    found = rounds(context).rows
    if isinstance(found, Gap) or len(found) < 2:
        return []
    before, after = (found[place].by_measure["verifiable_reward"] for place in (0, -1))
    wins = found[-1].by_measure["win_rate_verifiable"]
    if before is None or after is None or wins is None:
        return []
    body = context.say("head.from_to", before=before.value, after=after.value)
    note = context.say(f"head.reward_{wins.beside(COIN)}", value=wins.value)
    return [KeyFigure(label=str(context.say("head.reward")), body=body, note=note)]


def _floors(context: Context) -> list[KeyFigure]:
    asked = [floor for floor in _measured(context)[0] if not floor.is_aim]
    if not asked:
        return []
    met = _number_of(context, [floor for floor in asked if floor.passed])
    body = context.say("head.floors_body", passed=met, total=_number_of(context, asked))
    return [KeyFigure(label=str(context.say("head.floors")), body=body)]


def _time(context: Context) -> list[KeyFigure]:
    seconds = [manifest.at("seconds") for manifest in finished(context).values()]
    total = context.total(seconds, Form.SECONDS)
    stages = context.ledger.count(seconds)
    return [
        KeyFigure(
            label=str(context.say("head.time")),
            body=Markup(total.__html__()),
            note=context.say("head.time_note", stages=stages),
        )
    ]
