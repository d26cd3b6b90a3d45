"""The alignment half of the made-up run: conversations, fine-tuning, pairs, reward, answers."""

import json
import math
import random
from pathlib import Path

from mapneo.core.counts import Counts
from mapneo.core.files import write_json

POLICIES = ("pretrain_2", "sft_1", "sft_2", "dpo_1")
VERIFIED = [
    (kind, skill, language)
    for kind in ("chat", "foundation")
    for skill in ("arithmetic", "origin", "word")
    for language in ("en", "zh")
]
UNVERIFIED = [
    ("foundation", "article", "zh"),
    ("foundation", "definition", "en"),
    ("foundation", "faq", "en"),
]
SOLVED = {"pretrain_2": 0.02, "sft_1": 0.36, "sft_2": 0.62, "dpo_1": 0.66}
NATS = {"pretrain_2": 3.1, "sft_1": 1.4, "sft_2": 1.1, "dpo_1": 1.15}


def write_alignment(
    run: Path,
    facts: dict[str, dict[str, object]],
    counts: dict[str, Counts],
    chance: random.Random,
    hostile: str,
) -> None:
    facts["conversations"] = {"conversations": _conversations()}
    for number in (1, 2):
        facts[f"sft_{number}"] = _sft(run / f"sft_{number}", number, chance)
    for number in (0, 1):
        facts[f"preference_{number}"] = {
            "samples": 14_400, "pairs": 1210 + 300 * number, "mean_score": 0.41 - 0.9 * number,
            "mean_verifiable_reward": 0.52, "policy": "sft_2",
            "scorer": "reward_model" if number else "verifier",
        }  # fmt: skip
        dropped = {"one_answer": 180, "prompt_too_long": 7} | ({} if number else {"tie": 403})
        kept = 1800 - sum(dropped.values())
        counts[f"preference_{number}"] = Counts(documents_in=1800, kept=kept, dropped=dropped)
    facts["reward"] = _reward(run / "reward", chance)
    facts["dpo_1"] = _dpo(run / "dpo_1", chance)
    _answers(run / "answers", hostile)


def _conversations() -> list[dict[str, object]]:
    numbers = {"sft_1": 1500, "sft_2": 800, "reward": 300, "dpo": 299, "heldout": 40}
    kinds = {"sft_1": ("foundation",), "heldout": ("foundation", "chat")}
    rows: list[dict[str, object]] = [
        {"use": "sft_2", "kind": "chat", "skill": "small_talk", "language": "zh",
         "conversations": 252},
    ]  # fmt: skip
    for use, number in numbers.items():
        for kind, skill, language in VERIFIED + UNVERIFIED:
            if kind in kinds.get(use, ("chat",)):
                rows.append({"use": use, "kind": kind, "skill": skill, "language": language,
                             "conversations": number})  # fmt: skip
    return rows


def _sft(folder: Path, number: int, chance: random.Random) -> dict[str, object]:
    lines: list[dict[str, object]] = []
    groups = VERIFIED + UNVERIFIED
    for step in range(1, 241):
        start = 4.2 if number == 1 else 1.9
        loss = 0.9 + start * math.exp(-step / 40) + chance.gauss(0, 0.04)
        lines.append(_step(step, loss))
        if step % 60 == 0:
            scale = (1.6 if number == 1 else 1.2) * math.exp(-step / 400)
            heldout = {
                "/".join(group): scale * (1 + 0.12 * place) * (1.02 if number == 2 else 1)
                for place, group in enumerate(groups)
            }
            if number == 2:
                heldout["foundation/word/zh"] = 9.0
            lines.append({"step": step, "heldout": {**heldout, "all": 1.2 * scale}})
    write_lines(folder, lines)
    write_json(folder / "dropped.json", {"too_long": ["a-1", "b-2", "c-3"][:number]})
    return {
        "conversations": {"/".join(group): 500 for group in groups if group[0] != "chat"},
        "rows": 2300, "filled_frac": 0.97, "steps": 240, "tokens": 240 * 4096, "loss": 0.9,
        "loss_first": 4.9,
    }  # fmt: skip


def _step(step: int, loss: float, **more: float) -> dict[str, object]:
    return {
        "step": step, "tokens": step * 4096, "loss": loss, "loss_hex": float(loss).hex(),
        "learning_rate": 1e-3, "grad_norm": 0.7, "tokens_per_s": 9000.0, "seconds": 0.45, **more,
    }  # fmt: skip


def write_lines(folder: Path, lines: list[dict[str, object]]) -> None:
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")


def _reward(folder: Path, chance: random.Random) -> dict[str, object]:
    lines: list[dict[str, object]] = []
    for step in range(1, 121):
        right = 0.5 + 0.3 * (1 - math.exp(-step / 30))
        accuracy = min(1.0, right + chance.gauss(0, 0.08))
        lines.append(_step(step, 0.7 - 0.3 * right, accuracy=accuracy, margin=2 * right - 1))
        if step % 30 == 0:
            lines.append({"step": step, "heldout": {"accuracy": right - 0.05}})
    write_lines(folder, lines)
    rows = [
        ("all", "all", 400, 0.72, 0.04), ("language", "en", 210, 0.75, 0.06),
        ("language", "zh", 190, 0.69, 0.07), ("skill", "arithmetic", 150, 0.52, 0.08),
        ("skill", "origin", 120, 0.9, 0.05), ("skill", "word", 130, 0.79, 0.07),
        ("longer", "chosen", 170, 0.84, 0.05), ("longer", "equal", 60, 0.66, 0.12),
        ("longer", "rejected", 170, 0.62, 0.07),
    ]  # fmt: skip
    table = [
        {"group": group, "value": value, "pairs": pairs, "right": int(pairs * accuracy),
         "accuracy": accuracy, "low": accuracy - half, "high": accuracy + half}
        for group, value, pairs, accuracy, half in rows
    ]  # fmt: skip
    write_json(folder / "reward.json", {"rows": table})
    return {"training_pairs": 1210, "heldout_pairs": 400, "score_length_correlation": -0.213}


def _dpo(folder: Path, chance: random.Random) -> dict[str, object]:
    lines: list[dict[str, object]] = []
    for step in range(1, 91):
        margin = 0.012 * step + chance.gauss(0, 0.05)
        lines.append(
            _step(
                step,
                math.log1p(math.exp(-margin)),
                accuracy=min(1.0, 0.5 + 0.005 * step),
                margin=margin,
                chosen_reward=-0.004 * step,
                rejected_reward=-0.004 * step - margin,
            )
        )
    write_lines(folder, lines)
    return {"reference": "sft_2", "steps": 90, "tokens": 90 * 4096}


def interval(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def _answers(folder: Path, hostile: str) -> None:
    kinds = [("foundation", "all", "all"), ("chat", "all", "all")]
    success = [
        _success(group, policy, place)
        for place, group in enumerate([("all", "all", "all"), *kinds, *VERIFIED])
        for policy in POLICIES
    ]
    losses = [
        {"kind": group[0], "skill": group[1], "language": group[2], "policy": policy,
         "tokens": 400 + place, "nats_per_token": interval(NATS[policy] + 0.1 * place, 0.08)}
        for place, group in enumerate([("all", "all", "all"), *VERIFIED, *UNVERIFIED])
        for policy in POLICIES
    ]  # fmt: skip
    rounds = [
        _round(0, "sft_2", 0.64, -0.2, 9.1, 0.0, 0.5, 0.5),
        _round(1, "dpo_1", 0.66, 1.3, 9.9, 0.31, 0.508, 0.71),
    ]
    write_json(
        folder / "answers.json",
        {"policies": list(POLICIES), "success": success, "losses": losses, "rounds": rounds},
    )
    write_json(folder / "floors.json", {"floors": _floors()})
    write_json(folder / "samples.json", {"rows": _samples(hostile)})


def _success(group: tuple[str, str, str], policy: str, place: int) -> dict[str, object]:
    share = min(0.97, SOLVED[policy] * (1 + 0.03 * place))
    half = 0.03 if place < 3 else 0.1
    return {
        "kind": group[0], "skill": group[1], "language": group[2], "policy": policy,
        "prompts": 40, "samples": 160,
        "success": {"value": share, "low": max(0, share - half), "high": min(1, share + half)},
        "content": interval(share, 0.0), "form": interval(min(1.0, share + 0.2), 0.0),
        "sampled_reward": interval(0.9 * share, 0.05),
        "sampled_tokens": None if policy == "pretrain_2" else interval(9.0, 0.5),
    }  # fmt: skip


def _round(
    number: int, policy: str, reward: float, score: float, tokens: float, kl: float,
    wins: float, wins_score: float,
) -> dict[str, object]:  # fmt: skip
    half = 0.03 if number else 0.0
    return {
        "round": number, "policy": policy, "verifiable_reward": interval(reward, 0.04),
        "score": interval(score, 0.2), "tokens": interval(tokens, 0.6),
        "kl_nats": interval(kl, 0.05 if number else 0.0),
        "win_rate_score": interval(wins_score, half),
        "win_rate_verifiable": interval(wins, half),
    }  # fmt: skip


def _floors() -> list[dict[str, object]]:
    rows = [
        ("sft_lowers_loss", "floor", True, -1.9, 0.0, "On held-out answers SFT needs fewer nats."),
        ("sft_lifts_success", "floor", True, 0.55, 0.0, "SFT solves more held-out tasks."),
        ("reward_model_orders_pairs", "floor", True, 0.68, 0.5, "It orders most pairs rightly."),
        ("dpo_lifts_reward", "floor", True, 0.004, 0.0, "DPO lifts the verifiable reward."),
        ("dpo_keeps_length", "floor", True, 1.12, 4 / 3, "Answers are 1.08 times as long."),
        ("dpo_lifts_success", "aim", False, -0.01, 0.0, "Greedy answers solve as much."),
        ("sft_2_keeps_skills", "aim", True, 0.01, 0.05, "SFT stage 2 keeps stage 1's skills."),
    ]
    names = ("name", "kind", "passed", "value", "bound", "sentence")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _samples(hostile: str) -> list[dict[str, object]]:
    rows = []
    for kind, skill, language in VERIFIED[:8] + UNVERIFIED[:1]:
        asked = "12加30等于多少？请用JSON回答。" if language == "zh" else "What is 12 + 30?"
        verified = skill != "article"
        rows.append(
            {
                "conversation_id": f"heldout/{kind}/{skill}/{language}/1",
                "kind": kind,
                "skill": skill,
                "language": language,
                "source": "mapneo",
                "prompt": [
                    {"role": "system", "content": "Answer in English."},
                    {"role": "user", "content": asked},
                ],
                "reference": "答案是42。" if language == "zh" else "The answer is 42.",
                "answers": [
                    {
                        "policy": policy,
                        "response": ("", "41", "The answer is 41.", '{"answer": 42}')[place],
                        "success": place == 3 if verified else None,
                    }
                    for place, policy in enumerate(POLICIES)
                ],
            }
        )
    rows[0]["source"] = hostile
    rows[0]["reference"] = hostile
    rows[0]["prompt"] = [
        {"role": "user", "content": hostile},
        {"role": hostile, "content": "   \n\n" + "x" * 400},
        {"role": "user", "content": "Now in JSON, please."},
    ]
    rows[0]["answers"][1]["response"] = f"</bdi></li>{hostile}"
    return rows
