"""The section on alignment, part by part; a run whose recipe has no alignment has no section."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.sections.alignment.conversations import ConversationsView, conversations
from mapneo.report.sections.alignment.losses import LossesView, losses
from mapneo.report.sections.alignment.pairs import PairsView, pairs
from mapneo.report.sections.alignment.reward import RewardView, reward
from mapneo.report.sections.alignment.rounds import RoundsView, rounds
from mapneo.report.sections.alignment.samples import PromptGroup, samples
from mapneo.report.sections.alignment.success import SuccessView, success
from mapneo.report.sections.alignment.tuning import SftView, sft
from mapneo.report.sections.common import Context, Gap, attempt
from mapneo.report.sections.floors import Floor, floors

FIRST_STAGE = "conversations"


@dataclass(frozen=True, kw_only=True)
class AlignmentView:
    """Alignment's section."""

    conversations: ConversationsView | Gap
    sft: SftView | Gap
    pairs: PairsView
    reward: RewardView | Gap
    rounds: RoundsView
    success: SuccessView | Gap
    losses: LossesView | Gap
    floors: Sequence[Floor] | Gap
    samples: Sequence[PromptGroup] | Gap


def alignment(context: Context) -> AlignmentView | None:
    """Read what the stages of alignment left, None if the recipe has none."""
    if FIRST_STAGE not in context.run.stages:
        return None
    return AlignmentView(
        conversations=conversations(context),
        sft=sft(context),
        pairs=pairs(context),
        reward=reward(context),
        rounds=rounds(context),
        success=success(context),
        losses=losses(context),
        floors=attempt(floors, context, "answers"),
        samples=samples(context),
    )
