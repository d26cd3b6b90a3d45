"""A conversation with a small model that lies on disk as a run leaves it."""

import pytest

from mapneo.align.chat import Chat
from mapneo.align.conversations import Message
from mapneo.core.errors import ConfigError, InputError
from mapneo.core.manifest import MANIFEST_NAME
from mapneo.model.exchange import save_model
from mapneo.model.generate import Sampling, generate

SAMPLING = Sampling(max_new_tokens=12)


@pytest.fixture
def run(tmp_path, tokenizer, model):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer/tokenizer.model").write_bytes(
        tokenizer._processor.serialized_model_proto()
    )
    for stage in ("sft_1", "sft_2", "dpo_1", "dpo_2"):
        save_model(model, tmp_path / stage / "model", eod=tokenizer.eod)
        (tmp_path / stage / MANIFEST_NAME).write_text("{}")
    return tmp_path


@pytest.fixture(autouse=True)
def any_manifest_counts(monkeypatch):
    monkeypatch.setattr(
        "mapneo.align.chat.read_manifest", lambda folder: (folder / MANIFEST_NAME).exists() or None
    )


def test_the_newest_policy_answers_unless_another_is_named(run):
    assert Chat(run, sampling=SAMPLING).stage == "dpo_2"
    assert Chat(run, stage="sft_1", sampling=SAMPLING).stage == "sft_1"
    (run / "dpo_2" / MANIFEST_NAME).unlink()
    assert Chat(run, sampling=SAMPLING).stage == "dpo_1"


def test_pieces_joined_are_the_model_s_answer_and_the_next_turn_sees_it(run, model, template):
    chat = Chat(run, sampling=SAMPLING)
    said = "".join(chat.reply("1 + 2?"))
    first = template.prompt([Message(role="user", content="1 + 2?")])
    ids = generate(model, first, SAMPLING, stop=template.stop, vocabulary=template.vocabulary)
    assert said == template.text(ids)
    list(chat.reply("again"))
    assert [turn.content for turn in chat._turns][:3] == ["1 + 2?", said, "again"]
    chat.reset()
    assert chat._turns == []


def test_no_piece_ends_in_half_a_character(run):
    chat = Chat(run, sampling=Sampling(max_new_tokens=40, temperature=2.0, seed=3))
    pieces = list(chat.reply("你好"))
    assert len(pieces) > 2
    assert not any(piece.endswith("\ufffd") for piece in pieces[:-1])


def test_old_turns_make_room_and_are_counted(run):
    chat = Chat(run, system="Be short.", sampling=SAMPLING)
    for _ in range(6):
        list(chat.reply("1 + 2?"))
    assert chat.forgotten > 0
    assert chat.forgotten % 2 == 0


def test_what_can_not_be_said_is_refused_and_not_kept(run):
    chat = Chat(run, sampling=SAMPLING)
    with pytest.raises(ConfigError, match="context is 64"):
        list(chat.reply("1 + 2? " * 60))
    assert chat._turns == []


def test_runs_and_stages_that_can_not_chat_are_named(tmp_path, run):
    with pytest.raises(InputError, match="no model to talk to"):
        Chat(tmp_path / "empty", sampling=SAMPLING)
    with pytest.raises(InputError, match="no finished stage dpo_9; there are dpo_2"):
        Chat(run, stage="dpo_9", sampling=SAMPLING)
