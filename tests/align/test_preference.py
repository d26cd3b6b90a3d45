"""Pairs from scored answers; sampling that does not depend on its neighbours."""

from mapneo.align.config import PreferenceConfig
from mapneo.align.conversations import Conversation, turns
from mapneo.align.pairing import Pairing
from mapneo.align.pairs import read_pairs, write_pairs
from mapneo.align.preference import reference_responses, sample
from mapneo.align.scorers import LearnedReward, Response, Verifier, score_sequences
from mapneo.model.reward import RewardModel

ORIGIN = {"policy": "sft_2", "policy_sha256": "p", "reward_sha256": None}


def prompt(name="a", text="What is 1 + 2?", **changes):
    fields = {
        "conversation_id": name,
        "kind": "chat",
        "skill": "arithmetic",
        "language": "en",
        "about": name,
        "messages": turns(text, "3"),
        "reference": "3",
        "form": "plain",
        "doc_id": None,
        "cluster_id": None,
        "source": "mapneo",
        "licence": "Apache-2.0",
        "publish": "text",
    }
    return Conversation(**{**fields, **changes})


def response(text, number, of=None):
    return Response(
        prompt=of or prompt(),
        prompt_ids=(2, 4),
        ids=(10 + number, 6),
        text=text,
        number=number,
        seed=number,
        ended=True,
    )


def pairing_of(references=(), **settings):
    known = {each.prompt.conversation_id: (each, 1.0) for each in references}
    return Pairing(
        config=PreferenceConfig(**settings), origin=ORIGIN, scorer="verifier", references=known
    )


def pairs_of(texts, scores, references=(), **settings):
    pairing = pairing_of(references, **settings)
    answers = [response(text, number) for number, text in enumerate(texts)]
    return pairing.pairs([prompt()], answers, scores)


def test_best_is_paired_with_worst_and_second_with_second():
    pairs, dropped = pairs_of("abcd", [0.2, 0.9, 0.1, 0.5], pairs_per_prompt=2)
    assert [(pair.chosen, pair.rejected) for pair in pairs] == [("b", "c"), ("d", "a")]
    assert pairs[0].chosen_ids == (11, 6)
    assert (pairs[0].chosen_score, pairs[0].rejected_score) == (0.9, 0.1)
    assert not dropped


def test_ties_equal_answers_and_missing_answers_are_dropped_with_their_reason():
    assert pairs_of("ab", [0.5, 0.5]) == ([], {"tie": 1})
    assert pairs_of("aa", [0.5, 0.7]) == ([], {"one_answer": 1})
    assert pairs_of("", []) == ([], {"prompt_too_long": 1})
    assert pairs_of("ab", [0.5, 0.7], min_margin=0.3) == ([], {"tie": 1})


def test_where_no_sample_is_right_the_known_answer_is_chosen_and_says_so(template):
    known = reference_responses(template, [prompt()])
    [pair], dropped = pairs_of(["4", "5"], [0.5, 0.5], known)
    assert (pair.chosen, pair.chosen_from, pair.rejected) == ("3", "reference", "4")
    assert list(pair.chosen_ids) == template.answer("3")
    assert not dropped
    [mixed], _ = pairs_of(["3", "5"], [1.0, 0.5], known)
    assert (mixed.chosen, mixed.chosen_from) == ("3", "policy")
    assert pairs_of(["3"], [1.0], known) == ([], {"one_answer": 1})
    assert pairs_of(["4"], [0.5], known, min_margin=0.6) == ([], {"one_answer": 1})
    assert reference_responses(template, [prompt(reference=None, form=None)]) == []


def test_a_pair_remembers_where_it_came_from(tmp_path):
    pairs, _ = pairs_of("ab", [1.0, 0.0])
    write_pairs(tmp_path / "p.parquet", pairs)
    assert read_pairs([tmp_path / "p.parquet"]) == pairs
    assert (pairs[0].policy, pairs[0].scorer, pairs[0].conversation_id) == (
        "sft_2",
        "verifier",
        "a",
    )


def test_pairs_about_one_thing_are_held_out_together():
    names = [f"q{n}" for n in range(200)]
    held = {}
    for kind in ("x", "y"):
        prompts = [prompt(f"{kind}/{name}", about=name) for name in names]
        answers = [response(text, n, p) for p in prompts for n, text in enumerate("ab")]
        pairing = pairing_of(heldout_frac=0.3)
        pairs, _ = pairing.pairs(prompts, answers, [1.0, 0.0] * len(prompts))
        held[kind] = [pair.is_heldout for pair in pairs]
    assert held["x"] == held["y"]
    assert 30 < sum(held["x"]) < 90


def test_an_answer_does_not_depend_on_what_is_sampled_beside_it(model, template):
    config = PreferenceConfig(samples=3, max_new_tokens=8)
    prompts = [prompt(f"p{n}", "What is 1 + 2?" + "?" * (n % 3)) for n in range(7)]
    together = sample(model, template, prompts, config, seed=4)
    alone = [each for one in prompts for each in sample(model, template, [one], config, seed=4)]
    assert [each.ids for each in together] == [each.ids for each in alone]
    assert len({each.ids for each in together}) > 3
    other = sample(model, template, prompts, config, seed=5)
    assert [each.ids for each in other] != [each.ids for each in together]
    assert all(each.ended == (each.ids[-1] in template.stop) for each in together)


def test_a_prompt_without_room_for_an_answer_gets_none(model, template):
    config = PreferenceConfig(samples=2, max_new_tokens=8)
    long = prompt("long", "1 " * 200)
    found = sample(model, template, [long, prompt()], config, seed=1)
    assert {each.prompt.conversation_id for each in found} == {"a"}


def test_scores_do_not_depend_on_the_batch(model):
    reward = RewardModel(model.config)
    reward.start_from(model, 1)
    sequences = [[2, *range(5, 5 + n)] for n in (3, 20, 1, 9, 20)]
    together = score_sequences(reward, sequences, pad=2)
    alone = [score_sequences(reward, [each], pad=2)[0] for each in sequences]
    assert [round(a - b, 5) for a, b in zip(together, alone, strict=True)] == [0] * 5
    answers = [response("3", 0), response("4", 1)]
    assert len(LearnedReward(reward, 2).score(answers)) == 2
    assert Verifier().score(answers) == [1.0, 0.5]
