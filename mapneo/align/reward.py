"""What the stage `reward` does: train a reward model on pairs, measure it on held-out pairs."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from mapneo.align.config import RewardConfig
from mapneo.align.objectives import BradleyTerry
from mapneo.align.packing import epoch_order
from mapneo.align.pairs import Pair, PairBatches, PairRows, encode_pair, read_pairs
from mapneo.align.scorers import score_sequences
from mapneo.align.template import ChatTemplate, Encoded
from mapneo.align.tuning import (
    METRICS_NAME,
    Tuning,
    load_policy,
    load_template,
    prepare,
    tune,
    tuning_facts,
)
from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.errors import DataError
from mapneo.core.files import files_below, write_json
from mapneo.core.stage import Outcome, Work
from mapneo.evaluate.statistics import proportion_interval
from mapneo.model.exchange import save_model
from mapneo.model.reward import RewardModel

RESULT_NAME = "reward.json"


def run_reward(work: Work, config: RewardConfig, start: str) -> Outcome:
    """Train a reward model that starts from the policy of stage `start`.

    Raises:
        DataError: there is no pair to train on.
        TrainingError: the loss is not finite.
    """
    template = load_template(work.inputs["tokenizer"])
    pad = template.eod
    policy = load_policy(work.inputs[start])
    model = prepare(RewardModel(policy.config), config)
    model.start_from(policy, work.seed)
    files = work.inputs["preference_0"].files("pairs/*.parquet")
    pairs = read_pairs(file.path for file in files)
    training = [pair for pair in pairs if not pair.is_heldout]
    heldout = [pair for pair in pairs if pair.is_heldout]
    if not training:
        raise DataError("reward: all pairs are held out; lower preference_0.heldout_frac")
    orders = epoch_order(len(training), config.epochs, work.seed, work.output.name)
    batches = PairBatches(
        encoded=[encode_pair(pair, template) for pair in training],
        names=[pair.pair_id for pair in training],
        reference=[(0.0, 0.0)] * len(training),
        order=[number for order in orders for number in order],
        pad=pad,
        pairs_per_batch=config.batch,
    )
    encoded = [encode_pair(pair, template) for pair in heldout]
    tuning: Tuning[RewardModel, PairRows] = Tuning(
        config=config,
        steps=batches.steps,
        objective=BradleyTerry(),
        batches=batches,
        measure=lambda model: _accuracy(heldout_margins(model, encoded, pad=pad)),
    )
    state = tune(work, tuning, model)
    save_model(model, work.output / "model", eod=pad)
    margins = heldout_margins(model, encoded, pad=pad)
    write_json(work.output / RESULT_NAME, {"rows": accuracy_rows(heldout, margins)})
    facts = {
        **tuning_facts(work.output, model, state),
        "training_pairs": len(training),
        "heldout_pairs": len(heldout),
        **score_and_length(model, heldout, template),
    }
    return Outcome(
        counts=Counts(documents_in=len(pairs), kept=len(pairs)),
        facts=facts,
        files=(METRICS_NAME, RESULT_NAME, *files_below(work.output, "model", "checkpoints")),
    )


def heldout_margins(
    model: RewardModel, encoded: Sequence[tuple[Encoded, Encoded]], *, pad: int
) -> list[float]:
    """Score of chosen less score of rejected, pair by pair."""
    scores = score_sequences(model, [side.ids for pair in encoded for side in pair], pad=pad)
    return [better - worse for better, worse in zip(scores[::2], scores[1::2], strict=True)]


def _accuracy(margins: Sequence[float]) -> Mapping[str, float]:
    """Share of the pairs ordered rightly; an exact tie counts as wrong."""
    return {"accuracy": sum(m > 0 for m in margins) / len(margins)} if margins else {}


def accuracy_rows(pairs: Sequence[Pair], margins: Sequence[float]) -> list[dict[str, Json]]:
    """Accuracy with its interval over held-out pairs: all, by language, by skill, by longer answer.

    A reward model that only counts words is good where the chosen answer is longer, and bad where
    the rejected one is.
    """
    named: list[tuple[str, str, list[bool]]] = [("all", "all", [m > 0 for m in margins])]
    for kind, label in (("language", _language), ("skill", _skill), ("longer", _longer)):
        for value in sorted({label(pair) for pair in pairs}):
            right = [m > 0 for pair, m in zip(pairs, margins, strict=True) if label(pair) == value]
            named.append((kind, value, right))
    return [_row(kind, value, right) for kind, value, right in named if right]


def _row(kind: str, value: str, right: Sequence[bool]) -> dict[str, Json]:
    interval = proportion_interval(sum(right), len(right))
    return {
        "group": kind,
        "value": value,
        "pairs": len(right),
        "right": sum(right),
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
    }


def _language(pair: Pair) -> str:
    return pair.language


def _skill(pair: Pair) -> str:
    return pair.skill


def _longer(pair: Pair) -> str:
    chosen, rejected = len(pair.chosen_ids), len(pair.rejected_ids)
    return "equal" if chosen == rejected else "chosen" if chosen > rejected else "rejected"


def score_and_length(
    model: RewardModel, pairs: Sequence[Pair], template: ChatTemplate
) -> dict[str, Json]:
    """Spearman correlation of score and answer length over held-out answers, None if undefined."""
    sides = [
        (template.prompt(pair.messages), ids)
        for pair in pairs
        for ids in (pair.chosen_ids, pair.rejected_ids)
    ]
    lengths = [len(ids) for _, ids in sides]
    if len(set(lengths)) < 2:
        return {"score_length_correlation": None}
    scores = score_sequences(model, [[*p, *ids] for p, ids in sides], pad=template.eod)
    correlation = float(stats.spearmanr(scores, lengths).statistic)
    return {"score_length_correlation": None if np.isnan(correlation) else correlation}
