"""What a phase is made of: weights and caps in, whole windows per bucket out.

>>> manuals = BucketName(source="manuals", language="en", category="book")
>>> laws = BucketName(source="laws", language="zh", category="law")
>>> files = {
...     manuals: [TokenFile(file="manuals.bin", tokens=25_601)],
...     laws: [TokenFile(file="laws.bin", tokens=2_561)],
... }
>>> rules = (MixRule(language="zh", weight=1, max_epochs=2), MixRule(weight=1))
>>> config = MixConfig(seq_len=256, phases=(MixPhase(windows=60, rules=rules),))
>>> [(row.source, row.asked_frac, row.quota_windows) for row in plan_mixture(config, files).rows]
[('laws', 0.5, 20), ('manuals', 0.5, 40)]
"""

from mapneo.mix.config import MixConfig, MixPhase, MixRule
from mapneo.mix.plan import Plan, PlanRow, plan_mixture
from mapneo.mix.quotas import (
    Bucket,
    BucketName,
    PhaseQuotas,
    Quotas,
    TokenFile,
    read_quotas,
    windows_available,
)

__all__ = [
    "Bucket",
    "BucketName",
    "MixConfig",
    "MixPhase",
    "MixRule",
    "PhaseQuotas",
    "Plan",
    "PlanRow",
    "Quotas",
    "TokenFile",
    "plan_mixture",
    "read_quotas",
    "windows_available",
]
