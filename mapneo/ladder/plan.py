"""The runs of a ladder: sizes × token counts, with batch, learning rate, steps and cost of each."""

from dataclasses import asdict, dataclass

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.ladder.config import LadderRecipe
from mapneo.mix.config import MixConfig, MixPhase
from mapneo.model.config import ModelConfig, ModelShape, parameters, training_flops_per_token
from mapneo.scaling.points import FLOPS_PER_PARAMETER_AND_TOKEN
from mapneo.scaling.rewrite import whole_windows
from mapneo.scaling.shapes import batch_tokens, count_parameters, peak_rate
from mapneo.train.config import PretrainConfig
from mapneo.train.schedules import Cosine

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One (N, D) of the ladder."""

    name: str
    shape: ModelShape
    parameters_without_embeddings: int
    parameters_with_embeddings: int
    steps: int
    windows: int
    micro_batch: int
    seq_len: int
    peak: float
    flops: float
    """Training FLOP, output matrix and attention included."""
    hours: float
    """Expected, at the recipe's FLOP per second."""

    @property
    def tokens(self) -> int:
        """D in whole steps."""
        return self.steps * self.windows * self.seq_len

    @property
    def compute(self) -> float:
        """6·N·D without embeddings, FLOP."""
        return FLOPS_PER_PARAMETER_AND_TOKEN * self.parameters_without_embeddings * self.tokens

    def as_json(self) -> dict[str, Json]:
        """A row of the plan."""
        row = asdict(self) | {"shape": self.shape.model_dump()}
        return {
            **row,
            "tokens": self.tokens,
            "compute": self.compute,
            "tokens_per_parameter": self.tokens / self.parameters_without_embeddings,
        }

    def mix(self, recipe: LadderRecipe) -> MixConfig:
        """The one phase that the run trains."""
        phase = MixPhase(windows=self.steps * self.windows, rules=recipe.mix.rules)
        return MixConfig(seq_len=self.seq_len, phases=(phase,))

    def training(self, recipe: LadderRecipe) -> PretrainConfig:
        """The run's settings: a cosine from the peak to its floor in the last step."""
        train = recipe.train
        return PretrainConfig(
            steps=self.steps,
            windows=self.windows,
            micro_batch=self.micro_batch,
            schedule=Cosine(
                peak=self.peak,
                floor=train.floor_frac * self.peak,
                warmup_steps=min(max(1, round(train.warmup_frac * self.steps)), self.steps - 1),
                end_step=self.steps,
            ),
            optimizer=train.optimizer,
            precision=train.precision,
            threads=train.threads,
            checkpoint_every=max(1, -(-self.steps // train.checkpoints)),
            keep_checkpoints=1,
            heldout_max_bytes=0,
            model=self.shape,
            prompts=(),
        )


def plan_runs(recipe: LadderRecipe) -> list[PlannedRun]:
    """All runs, cheapest first.

    Raises:
        ConfigError: nothing is left of the grid, two runs are the same, or all together cost more
            than the budget.
    """
    ladder = recipe.ladder
    grid = [_planned(recipe, size, tokens) for size in ladder.sizes for tokens in ladder.tokens]
    kept = [
        run
        for run in grid
        if run.compute <= ladder.max_run_flops
        and run.tokens >= ladder.min_tokens_per_parameter * run.parameters_without_embeddings
    ]
    if not kept:
        raise ConfigError(
            "ladder: no run of the grid is within max_run_flops and min_tokens_per_parameter"
        )
    runs = {run.name: run for run in kept}
    if len(runs) < len(kept):
        raise ConfigError("ladder: two sizes or two token counts give the same run: set them apart")
    for extra in ladder.extra:
        run = _planned(recipe, extra.size, extra.tokens)
        runs[run.name] = run
    total = sum(run.compute for run in runs.values())
    if total > ladder.budget_flops:
        raise ConfigError(
            f"ladder: the {len(runs)} runs cost {total:.3g} FLOP (6·N·D), the budget is "
            f"{ladder.budget_flops:.3g}: raise ladder.budget_flops, lower ladder.max_run_flops, or "
            "take out sizes or tokens"
        )
    return sorted(runs.values(), key=lambda run: (run.compute, run.name))


def _planned(recipe: LadderRecipe, size: float | str, tokens: float) -> PlannedRun:
    seq_len, train = recipe.mix.seq_len, recipe.train
    shape = recipe.ladder.shape(size)
    model = ModelConfig.of(shape, vocabulary=recipe.tokenizer.vocabulary, context_tokens=seq_len)
    body = count_parameters(shape, None)
    compute = FLOPS_PER_PARAMETER_AND_TOKEN * body * tokens
    windows = whole_windows(train.batch_factor * batch_tokens(compute) / seq_len, train.micro_batch)
    steps = max(1, round(tokens / (windows * seq_len)))
    flops = float(training_flops_per_token(model, seq_len)) * steps * windows * seq_len
    return PlannedRun(
        name=f"n{body}-d{steps * windows * seq_len}",
        shape=shape,
        parameters_without_embeddings=body,
        parameters_with_embeddings=parameters(model),
        steps=steps,
        windows=windows,
        micro_batch=min(train.micro_batch, windows),
        seq_len=seq_len,
        peak=float(f"{train.peak_factor * peak_rate(compute):.4g}"),
        flops=flops,
        hours=flops / recipe.ladder.flops_per_second / SECONDS_PER_HOUR,
    )
