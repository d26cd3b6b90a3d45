"""How a question is put to a model: no example, lettered options, the answer is one letter.

Source: the wording of MMLU in Hendrycks et al. (2021) and of CMMLU in Li et al. (2023), as
lm-evaluation-harness has them in `tasks/mmlu` and `tasks/cmmlu`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mapneo.evaluate.items import Item

FLAVOUR = "letters_0shot"
"""Part of a task's name: what is scored, and how many examples stand before the question."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Wording in one language; `before_letter` stands between the prompt and a letter."""

    opening: str
    cue: str
    before_letter: str

    def text(self, item: Item) -> str:
        """The whole prompt, up to where the letter is to come."""
        options = zip(item.letters, item.options, strict=True)
        lines = [item.question, *(f"{letter}. {option}" for letter, option in options), self.cue]
        return self.opening.format(topic=item.topic) + "\n\n" + "\n".join(lines)


PROMPTS: Mapping[str, Prompt] = {
    "en": Prompt(
        opening="The following are multiple choice questions (with answers) about {topic}.",
        cue="Answer:",
        before_letter=" ",
    ),
    "zh": Prompt(
        opening="以下是关于{topic}的单项选择题，请直接给出正确答案的选项。",
        cue="答案：",
        before_letter="",
    ),
}
"""By language."""
