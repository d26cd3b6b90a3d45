import re

import jinja2.sandbox
from hypothesis import given
from hypothesis import strategies as st

from mapneo.align.conversations import Message, turns
from mapneo.align.template import TEMPLATE_NAME, write_template
from mapneo.tokenizer.tokenizer import END_OF_TURN, TURN_PIECES

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CONTROL = [*TURN_PIECES.values(), END_OF_TURN]


@given(st.lists(TEXTS, min_size=2, max_size=6), st.none() | TEXTS)
def test_a_prompt_is_the_beginning_of_its_conversation(template, texts, system):
    texts = texts if len(texts) % 2 == 0 else texts[:-1]
    messages = turns(*texts, system=system)
    whole = template.conversation(messages)
    prompt = template.prompt(messages[:-1])
    assert list(whole.ids[: len(prompt)]) == prompt
    assert list(whole.ids[len(prompt) :]) == template.answer(texts[-1])
    assert whole.scored[len(prompt) :] == (True,) * (len(whole.ids) - len(prompt))


def test_only_what_the_assistant_says_and_the_end_of_its_turn_is_scored(template):
    whole = template.conversation(turns("1 + 2?", "3", "again", "3", system="Be short."))
    said = [token for token, scored in zip(whole.ids, whole.scored, strict=True) if scored]
    assert said == template.answer("3") * 2


def test_text_that_spells_control_tokens_can_not_open_or_close_a_turn(template, tokenizer):
    controls = {tokenizer.control(piece) for piece in CONTROL}
    text = "".join(CONTROL) + "</s><s>"
    ids = template.answer(text)
    assert controls & set(ids[:-1]) == set()
    assert template.text(ids[:-1]) == text


@given(st.lists(TEXTS.filter(lambda t: "<" not in t), min_size=1, max_size=4))
def test_the_exported_template_says_the_same(template, tokenizer, tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("template")
    write_template(folder)
    messages = turns(*texts)
    # transformers renders chat templates in this sandbox, with these settings.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    rendered = environment.from_string((folder / TEMPLATE_NAME).read_text()).render(
        messages=[{"role": each.role, "content": each.content} for each in messages],
        bos_token="</s>",
        add_generation_prompt=True,
    )
    ids: list[int] = []
    for part in re.split("(" + "|".join(map(re.escape, [*CONTROL, "</s>"])) + ")", rendered):
        if part == "</s>":
            ids.append(tokenizer.eod)
        elif part in CONTROL:
            ids.append(tokenizer.control(part))
        elif part:
            ids += tokenizer.encode(part)
    assert ids == template.prompt(messages)


def test_an_empty_message_is_a_turn(template):
    assert len(template.prompt([Message(role="user", content="")])) == 4
