"""Everything before `evaluate`, with models that nobody trained."""

from dataclasses import dataclass

from mapneo.core.files import write_json
from mapneo.core.stage import Config, Outcome
from mapneo.evaluate.stage import Evaluate
from mapneo.mix import MixConfig, MixPhase, MixRule, read_quotas
from mapneo.mix.stage import Mix
from mapneo.model.config import ModelShape
from mapneo.model.exchange import save_model
from mapneo.tokenizer import EncodeConfig, TokenizerConfig
from mapneo.tokenizer.stage import Encode, TrainTokenizer
from mapneo.train.pretrain import new_model
from tests.tokenizer.documents import FakeSplit, SplitConfig

SHAPE = ModelShape(layers=1, hidden=16, heads=2, kv_heads=1, head_dim=8, ffn=16, tied=True)


def mix(seq_len):
    """Windows of the same number of tokens, whatever their length."""
    return MixConfig(
        seq_len=seq_len,
        phases=(
            MixPhase(windows=9600 // seq_len, rules=(MixRule(weight=1.0),)),
            MixPhase(
                windows=1920 // seq_len,
                rules=(MixRule(language="code", weight=2.0), MixRule(weight=1.0)),
            ),
        ),
    )


class NoSettings(Config):
    """Nothing to set."""


@dataclass(frozen=True)
class Untrained:
    """Stands where a pre-training stage stands: a model of fixed random weights."""

    phase: int
    config: NoSettings = NoSettings()
    version: int = 1
    inputs: tuple[str, ...] = ("mix",)

    @property
    def name(self):
        return f"pretrain_{self.phase}"

    def run(self, work):
        quotas = read_quotas(work.inputs["mix"].file("quotas.json").path)
        model = new_model(SHAPE, quotas)
        model.draw_weights(self.phase)
        save_model(model, work.output / "model", eod=quotas.eod)
        folder = work.output / "model"
        return Outcome(files=tuple(f"model/{path.name}" for path in folder.iterdir()))


class PackSettings(Config):
    """Rows of `packs.json`, by name."""

    packs: dict = {}


@dataclass(frozen=True)
class Packs:
    """Stands where `fetch` stands: it only says which packs there are."""

    config: PackSettings = PackSettings()
    name: str = "fetch"
    version: int = 1
    inputs: tuple[str, ...] = ()

    def run(self, work):
        write_json(work.output / "packs.json", self.config.packs)
        return Outcome(files=("packs.json",))


def way(evaluate, split=SplitConfig(), *, packs=None, seq_len=32):  # noqa: B008
    return [
        Packs(PackSettings(packs=packs or {})),
        FakeSplit(split),
        TrainTokenizer(TokenizerConfig(vocabulary=1200)),
        Encode(EncodeConfig()),
        Mix(mix(seq_len)),
        Untrained(1),
        Untrained(2),
        Evaluate(evaluate),
    ]
