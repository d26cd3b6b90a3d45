"""From scored answers to pairs, prompt by prompt, and the reason where there is none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mapneo.align.build import share_of
from mapneo.align.config import PreferenceConfig
from mapneo.align.conversations import Conversation
from mapneo.align.forms import verify
from mapneo.align.pairs import Pair
from mapneo.align.scorers import Response

POLICY, REFERENCE = "policy", "reference"
REFERENCE_NUMBER = -2
"""Number of a prompt's known answer, beside those of its samples."""

Scored: TypeAlias = tuple[Response, float]


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Makes pairs of the answers to one prompt.

    `origin` is who sampled and which weights scored; `references` are known answers with their
    scores by conversation, for prompts on which the policy's samples give no pair.
    """

    config: PreferenceConfig
    origin: Mapping[str, Any]
    scorer: str
    references: Mapping[str, Scored]

    def pairs(
        self,
        prompts: Sequence[Conversation],
        responses: Sequence[Response],
        scores: Sequence[float],
    ) -> tuple[list[Pair], dict[str, int]]:
        """Pairs, and how many prompts gave none, by reason."""
        answers: dict[str, list[Scored]] = {prompt.conversation_id: [] for prompt in prompts}
        for response, score in zip(responses, scores, strict=True):
            answers[response.prompt.conversation_id].append((response, score))
        pairs: list[Pair] = []
        dropped: Counter[str] = Counter()
        for prompt in prompts:
            mine = answers[prompt.conversation_id]
            distinct = list({response.text: (response, score) for response, score in mine}.values())
            found = self._ranked(prompt, distinct) or self._against_reference(prompt, distinct)
            pairs += found
            if not found:
                reason = "tie" if len(distinct) > 1 else "one_answer" if mine else "prompt_too_long"
                dropped[reason] += 1
        return pairs, dict(dropped)

    def _ranked(self, prompt: Conversation, answers: Sequence[Scored]) -> list[Pair]:
        """Best with worst, second best with second worst, … while the margin holds."""
        ranked = sorted(answers, key=lambda each: (-each[1], each[0].number))
        pairs = []
        for rank in range(min(self.config.pairs_per_prompt, len(ranked) // 2)):
            better, worse = ranked[rank], ranked[-1 - rank]
            if better[1] - worse[1] > self.config.min_margin:
                pairs.append(self._pair(prompt, rank, better, worse, POLICY))
        return pairs

    def _against_reference(self, prompt: Conversation, answers: Sequence[Scored]) -> list[Pair]:
        """The known answer with the worst sample, if the verifier finds none of them right."""
        known = self.references.get(prompt.conversation_id)
        if known is None or not answers or any(_is_right(response) for response, _ in answers):
            return []
        worst = min(answers, key=lambda each: (each[1], each[0].number))
        if known[1] - worst[1] <= self.config.min_margin:
            return []
        return [self._pair(prompt, 0, known, worst, REFERENCE)]

    def _pair(
        self, prompt: Conversation, rank: int, better: Scored, worse: Scored, chosen_from: str
    ) -> Pair:
        name = prompt.conversation_id
        heldout = share_of(f"heldout pair\0{prompt.doc_id or prompt.about}")
        return Pair(
            pair_id=f"{name}/{rank}",
            conversation_id=name,
            skill=prompt.skill,
            language=prompt.language,
            messages=prompt.prompt,
            chosen=better[0].text,
            rejected=worse[0].text,
            chosen_ids=better[0].ids,
            rejected_ids=worse[0].ids,
            chosen_score=better[1],
            rejected_score=worse[1],
            chosen_from=chosen_from,
            scorer=self.scorer,
            scorer_sha256=self.origin["reward_sha256"],
            policy=self.origin["policy"],
            policy_sha256=self.origin["policy_sha256"],
            is_heldout=heldout < self.config.heldout_frac,
            doc_id=prompt.doc_id,
            source=prompt.source,
            licence=prompt.licence,
            publish=prompt.publish,
        )


def _is_right(response: Response) -> bool:
    prompt = response.prompt
    if prompt.reference is None or prompt.form is None:
        return False
    return verify(response.text, prompt.reference, prompt.form).success
