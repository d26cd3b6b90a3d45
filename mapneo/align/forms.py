"""Forms of an answer, and the verifier: is the value right, is the form the one asked for?

The verifier reads text by rule and can't be talked round, so it is the measure that a learned
reward is held against.
"""

import json
import re
from dataclasses import dataclass

PLAIN = "plain"

_SENTENCES = {
    "en": re.compile(r"The answer is (?P<value>.+)\.", re.DOTALL),
    "zh": re.compile(r"答案是(?P<value>.+)。", re.DOTALL),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the verifier found in one response."""

    content: bool
    """Whether the value is the reference, whatever its form."""
    form: bool
    """Whether the form is the one asked for."""

    @property
    def success(self) -> bool:
        """Right value in the right form."""
        return self.content and self.form

    @property
    def reward(self) -> float:
        """The verifiable reward: half for the value, half for the form."""
        return (self.content + self.form) / 2


def phrase(value: str, form: str) -> str:
    """`value` in `form`: `plain`, `json`, or a sentence in `en` or `zh`."""
    if form == "json":
        return json.dumps(
            {"answer": int(value) if _is_number(value) else value}, ensure_ascii=False
        )
    return {"en": f"The answer is {value}.", "zh": f"答案是{value}。"}.get(form, value)


def verify(response: str, reference: str, form: str) -> Verdict:
    """Hold a response against the reference value and the form that was asked for."""
    found_form, value = _read(response.strip())
    return Verdict(content=value == reference, form=found_form == form)


def _read(response: str) -> tuple[str, str]:
    """Form and value of a response; what has no other form is plain."""
    for form, pattern in _SENTENCES.items():
        if found := pattern.fullmatch(response):
            return form, found["value"]
    try:
        parsed = json.loads(response)
    except (ValueError, RecursionError):
        return PLAIN, response
    if isinstance(parsed, dict) and set(parsed) == {"answer"}:
        return "json", str(parsed["answer"])
    return PLAIN, response


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9]\d*)", value) is not None
