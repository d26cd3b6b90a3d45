"""The claims of the system that mapneo re-implements, with what this very run says to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.core.errors import ManifestError
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt
from mapneo.report.sections.floors import floors
from mapneo.report.sections.tokenizer import round_trip

STATUSES = ("holds", "does not hold", "not yet")
PHASE_2_FLOOR = "phase_2_below_phase_1"
FIELDS = ("id", "sentence", "paper", "command", "status", "result", "date")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim: where it is made, how to test it in miniature, and what came out last."""

    name: str
    sentence: str
    paper: str
    command: str
    status: str
    result: str
    date: str
    here: Markup | None


def claims(context: Context, table: Node | None) -> list[Claim] | Gap:
    """The rows of the claims file, or a gap if the recipe names none."""
    if table is None:
        return Gap(sentence=str(context.say("claims.no_file")))
    return attempt(lambda: [_claim(context, row) for row in table.at("claim").rows()])


def _claim(context: Context, row: Node) -> Claim:
    name, sentence, paper, command, status, result, date = (row.at(f).text() for f in FIELDS)
    if status not in STATUSES:
        raise ManifestError(
            f"{row.file}: claim {name!r} has the status {status!r}; "
            f"use one of: {', '.join(STATUSES)}"
        )
    return Claim(
        name=name,
        sentence=sentence,
        paper=paper,
        command=command,
        status=status,
        result=result,
        date=date,
        here=_here(context, name),
    )


def _here(context: Context, name: str) -> Markup | None:
    answer = _ANSWERS.get(name)
    if answer is None:
        return None
    said = attempt(answer, context)
    return None if isinstance(said, Gap) else said


def _tokenizer_lossless(context: Context) -> Markup:
    check = round_trip(context)
    key = "claims.here.lossless_yes" if check.is_lossless else "claims.here.lossless_no"
    return context.say(key, failed=check.failed, cases=check.cases)


def _nothing_vanishes(context: Context) -> Markup:
    stages = [s for s in context.run.stages if s != "report"]
    parts = [_counts(context, stage) for stage in stages]
    seen = [part for part in parts if part is not None]
    if not seen:
        raise ManifestError("no stage of this run has counted documents yet")
    whole = sum(1 for part in seen if part)
    key = "claims.here.conserved_yes" if whole == len(seen) else "claims.here.conserved_no"
    return context.say(key)


def _counts(context: Context, stage: str) -> bool | None:
    """Whether a stage's counts add up; None if it has not finished or counts nothing."""
    found = attempt(lambda: context.run.manifest(stage).at("counts"))
    if isinstance(found, Gap):
        return None
    arrived = found.at("documents_in").number()
    left = found.at("kept").number()
    for group in ("dropped", "errors"):
        left += sum(node.number() for node in found.at(group).fields().values())
    return None if arrived == 0 else arrived == left


def _phase_2(context: Context) -> Markup:
    for floor in floors(context, "evaluate"):
        if floor.name == PHASE_2_FLOOR:
            return context.say("claims.here.sentence", sentence=floor.sentence)
    raise ManifestError(f"evaluate/floors.json has no floor named {PHASE_2_FLOOR}")


_ANSWERS: Mapping[str, Callable[[Context], Markup]] = {
    "tokenizer-lossless": _tokenizer_lossless,
    "nothing-vanishes": _nothing_vanishes,
    "phase-2-helps": _phase_2,
}
"""Claims that a single run can say something about, by their id in the claims file."""
