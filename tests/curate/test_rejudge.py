import json
import shutil
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import ConfigError, DataError, ManifestError
from mapneo.core.recipe import validate
from mapneo.curate.rejudge import Rejudged, rejudge
from mapneo.curate.rules import Bounds
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.stage_measure import MeasureConfig
from mapneo.curate.verdicts import SourceRules, judge_signals
from mapneo.curate.wish import Wish, command, wished
from tests.curate.builders import Curated, curate, documents
from tests.curate.texts import chinese, english

MEASURED = ("tiny-en", "tiny-zh", "tiny-code", "gopher", "fineweb")
EVERYTHING = 10_000
SHORT = "Only a few words of English are here, {}. They are not many."
GERMAN = "Der Hund läuft durch den Garten und bellt die Katze an. " * 10
CODE = "".join(
    f"def {name}(value):\n    '''Return a {name} value.'''\n    return value + {n}\n\n"
    for n, name in enumerate(["first", "second", "third", "fourth", "fifth"])
)
BASE = JudgeConfig(
    overrides={"en_stop_word_distinct_count": Bounds(report_only=True)},
    sources={
        "books-*": SourceRules(exempt=("en_nonspace_chars_min",)),
        "books-1": SourceRules(overrides={"en_word_count_min": Bounds(min=8)}),
    },
)


def texts() -> list[tuple[str, str]]:
    """(text, category): long and short, with repetitions, shouting, without function words."""
    made = [(english(n, 2 + n % 17), "web") for n in range(40)]
    made += [(chinese(n, 1 + n % 13), "web") for n in range(30)]
    made += [(SHORT.format(n), "book") for n in range(12)]
    made += [(english(n, 3) * (2 + n), "web") for n in range(6)]
    made += [(english(n, 9).upper(), "news") for n in range(4)]
    made += [("Mountain railway stations, harbour bridges. " * (3 + n), "web") for n in range(9)]
    made += [(CODE[: 60 * n], "code") for n in range(1, 9)]
    return [*made, (GERMAN, "web"), ("12345 " * 90, "web"), ("", "web")]


def shards() -> dict[str, list[dict]]:
    rows = [
        {
            "doc_id": f"d/{n:03d}",
            "text": text,
            "category": category,
            "source": ("web", "books-1", "books-2")[n % 3],
            "publish": ("text", "text", "ids")[n % 5 % 3],
        }
        for n, (text, category) in enumerate(texts())
    ]
    parts = {f"s-{k}": documents([row for n, row in enumerate(rows) if n % 3 == k]) for k in (0, 1)}
    return parts | {"s-2": documents(rows[2::3]), "s-3": documents(rows).slice(0, 0)}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Curated:
    measure = MeasureConfig(profiles=MEASURED)
    return curate(tmp_path_factory.mktemp("base"), shards(), measure=measure, judge=BASE)


def run_again(base: Curated, folder: Path, config: JudgeConfig) -> Curated:
    """The same run with other settings of stage judge, all verdicts made anew."""
    shutil.copytree(base.directory, folder)
    shutil.rmtree(folder / "judge")
    measure = MeasureConfig(profiles=MEASURED)
    return curate(folder, shards(), measure=measure, judge=config)


def with_overrides(**bounds: Bounds) -> JudgeConfig:
    return BASE.model_copy(update={"overrides": {**BASE.overrides, **bounds}})


CASES = {
    "tightened": (Wish(settings=("en_word_count_min.min=120",)),
                  with_overrides(en_word_count_min=Bounds(min=120))),
    "loosened, though first for some": (
        Wish(settings=("en_nonspace_chars_min.min=10",)),
        with_overrides(en_nonspace_chars_min=Bounds(min=10))),
    "reports only": (Wish(settings=("en_word_count_min.report_only=true",)),
                     with_overrides(en_word_count_min=Bounds(report_only=True))),
    "no longer reports only": (
        Wish(settings=("en_stop_word_distinct_count.report_only=false",)),
        with_overrides(en_stop_word_distinct_count=Bounds(report_only=False))),
    "several, in two languages, one both ways": (
        Wish(settings=("en_word_count_min.min=3", "en_nonspace_chars_min.min=700",
                       "zh_char_count_min.min=300", "en_word_count_max.max=150")),
        with_overrides(en_word_count_min=Bounds(min=3), en_nonspace_chars_min=Bounds(min=700),
                       zh_char_count_min=Bounds(min=300), en_word_count_max=Bounds(max=150))),
    "exempt": (
        Wish(exempt=("books-*:en_word_count_min",)),
        BASE.model_copy(update={"sources": {
            "books-*": SourceRules(exempt=("en_nonspace_chars_min", "en_word_count_min")),
            "books-1": BASE.sources["books-1"]}})),
    "other rulesets": (
        Wish(rulesets=("gopher", "fineweb", "tiny-zh"), settings=("gopher_word_count.min=40",)),
        JudgeConfig(rulesets=("gopher", "fineweb", "tiny-zh"),
                    overrides={"gopher_word_count": Bounds(min=40)},
                    sources={"books-*": SourceRules(), "books-1": SourceRules()})),
    "the same": (Wish(settings=("en_word_count_min.min=50",)),
                 with_overrides(en_word_count_min=Bounds(min=50))),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def compared(request, base, tmp_path_factory) -> tuple[Curated, Rejudged, Curated]:
    """The run, what `rejudge` finds, and the run that was really judged again."""
    wish, config = CASES[request.param]
    folder = tmp_path_factory.mktemp("again") / "run"
    found = rejudge(base.directory, wish, samples=EVERYTHING)
    assert found.config == config
    return base, found, run_again(base, folder, config)


def pairs(base: Curated, again: Curated) -> list[tuple[dict, dict]]:
    tables = [run.table("judge", "verdicts").to_pylist() for run in (base, again)]
    return [pair for pair in zip(*tables, strict=True) if pair[0]["rule"] != pair[1]["rule"]]


def direction(old: dict, new: dict) -> str:
    if old["rule"] is None:
        return "kept_to_dropped"
    return "dropped_to_kept" if new["rule"] is None else "other_rule"


def test_flips_are_those_of_a_full_run(compared):
    base, found, again = compared
    expected: Counter = Counter()
    for old, new in pairs(base, again):
        key = (direction(old, new), *(old[name] for name in ("language", "category", "source")),
               old["rule"], new["rule"])  # fmt: skip
        expected[(*key, "documents")] += 1
        expected[(*key, "bytes")] += old["bytes"]
    names = ("direction", "language", "category", "source", "rule_before", "rule_after")
    counted = {
        (*(row[name] for name in names), unit): row[unit]
        for row in found.flips
        for unit in ("documents", "bytes")
    }
    assert counted == dict(expected)


def test_samples_have_both_verdicts_of_full_runs(compared):
    base, found, again = compared
    publish = {
        row["doc_id"]: row["publish"] for row in base.table("measure", "documents").to_pylist()
    }
    shown = {row["doc_id"]: row for row in found.samples}
    expected = {
        old["doc_id"]: (old, new)
        for old, new in pairs(base, again)
        if direction(old, new) != "other_rule" and publish[old["doc_id"]] == "text"
    }
    assert shown.keys() == expected.keys()
    for name, (old, new) in expected.items():
        sample = shown[name]
        assert sample["direction"] == direction(old, new)
        for mine, full in (("before", old), ("after", new)):
            assert sample[mine] == {key: full[key] for key in sample[mine]}
            assert {"value", "bound", "side", "signal", "failed_rules"} < sample[mine].keys()


def test_fire_rates_are_those_of_a_full_run(compared):
    base, found, again = compared
    for run, when in ((base, "before"), (again, "after")):
        facts = run.manifests["judge"].facts["reasons"]
        expected = {
            (row["language"], row["rule"]): (row["fired"], row["alone"], row["reported"])
            for row in facts
            if row["rule"] != "language_not_wanted"
        }
        mine = {
            (row["language"], row["rule"]): tuple(
                row[f"{name}_{when}"] for name in ("fired", "alone", "reported")
            )
            for row in found.rules
            if row[f"fired_{when}"]
        }
        assert mine == expected


def test_what_was_not_measured_is_counted_as_in_a_full_run(compared):
    _, found, again = compared
    facts = again.manifests["judge"].facts["not_measured"]
    expected = {(row["language"], row["rule"]): row["documents"] for row in facts}
    mine = {
        (row["language"], row["rule"]): row["not_measured"]
        for row in found.rules
        if row["not_measured"] and row["fired_after"] is not None
    }
    assert mine == expected


def test_languages_add_up_to_the_counts_of_a_full_run(compared):
    base, found, again = compared
    for run, when in ((base, "before"), (again, "after")):
        kept = sum(row[f"kept_{when}"] for row in found.languages)
        size = sum(row[f"kept_bytes_{when}"] for row in found.languages)
        assert kept == run.manifests["judge"].counts.kept
        assert size == sum(row["bytes"] for row in run.manifests["judge"].facts["kept"])
    assert sum(row["documents"] for row in found.languages) == len(texts())


def test_the_patch_is_the_table_that_a_recipe_needs(compared):
    _, found, _ = compared
    table = tomllib.loads(found.patch)["judge"]
    assert validate(JudgeConfig, table, "patch").rules() == found.config.rules()
    left = {name: own for name, own in found.config.sources.items() if own != SourceRules()}
    assert validate(JudgeConfig, table, "patch").sources == left


RULES = [rule.id for ruleset in BASE.rules() for rule in ruleset.rules]
BOUND = st.sampled_from(["min", "max"]).flatmap(
    lambda side: st.one_of(st.floats(0, 1), st.integers(0, 500)).map(lambda x: f"{side}={x}")
)
SETTING = st.tuples(
    st.sampled_from(RULES),
    st.one_of(BOUND, st.sampled_from(["report_only=true", "report_only=false"])),
).map(".".join)
EXEMPT = st.tuples(st.sampled_from(["web", "books-*", "books-2", "*"]), st.sampled_from(RULES)).map(
    ":".join
)


@settings(max_examples=40, deadline=None)
@given(st.lists(SETTING, max_size=6), st.lists(EXEMPT, max_size=3))
def test_any_change_is_judged_as_by_the_stage(base, chosen, exempt):
    wish = Wish(settings=("en_word_count_min.min=60", *chosen), exempt=tuple(exempt))
    found = rejudge(base.directory, wish, samples=5)
    signals = base.table("measure", "signals")
    new = judge_signals(signals, found.config.rules(), found.config.sources).to_pylist()
    old = base.table("judge", "verdicts").to_pylist()
    flips = Counter((a["rule"], b["rule"]) for a, b in zip(old, new, strict=True))
    mine: Counter = Counter()
    for row in found.flips:
        mine[row["rule_before"], row["rule_after"]] += row["documents"]
    assert mine == Counter({pair: n for pair, n in flips.items() if pair[0] != pair[1]})
    failed = Counter((row["language"], rule) for row in new for rule in row["failed_rules"])
    reported = Counter((row["language"], rule) for row in new for rule in row["reported_rules"])
    alone = Counter((r["language"], *r["failed_rules"]) for r in new if len(r["failed_rules"]) == 1)
    for row in found.rules:
        name = (row["language"], row["rule"])
        counted = (row["fired_after"], row["alone_after"], row["reported_after"])
        assert counted == (failed[name] + reported[name], alone[name], reported[name])


def test_the_cases_flip_both_ways_and_change_the_first_rule(base):
    seen: Counter = Counter()
    for wish, _ in CASES.values():
        seen.update(row["direction"] for row in rejudge(base.directory, wish).flips)
    assert seen.keys() == {"kept_to_dropped", "dropped_to_kept", "other_rule"}
    assert not rejudge(base.directory, CASES["the same"][0]).flips


def test_unique_fire_rates_of_other_rules_follow(base):
    found = rejudge(base.directory, CASES["tightened"][0])
    rows = {row["rule"]: row for row in found.rules}
    shouting = rows["en_all_caps_word_fraction"]
    assert not shouting["changed"]
    assert shouting["fired_before"] == shouting["fired_after"]
    assert shouting["alone_before"] > shouting["alone_after"]
    assert [row["rule"] for row in found.rules if row["changed"]] == ["en_word_count_min"]


def test_fewer_samples_are_the_first_of_more(base):
    wish = CASES["tightened"][0]
    many = rejudge(base.directory, wish, samples=EVERYTHING).samples
    few = rejudge(base.directory, wish, samples=2).samples
    assert list(few) == list(many[:2])
    assert rejudge(base.directory, wish).samples == []


def test_texts_are_not_touched_without_samples_and_the_run_stays_as_it_is(base, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(base.directory, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rejudge(folder, CASES["several, in two languages, one both ways"][0], samples=3)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    shutil.rmtree(folder / "measure/documents")
    assert rejudge(folder, CASES["tightened"][0]).flips


def test_tokens_are_estimated_from_what_the_run_encoded(base, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(base.directory, folder)
    manifest = json.loads((folder / "judge/manifest.json").read_text())
    manifest["facts"] = {
        "train": [
            {"language": "en", "category": "web", "documents": 2, "bytes": 400, "tokens": 100},
            {"language": "en", "category": "law", "documents": 1, "bytes": 100, "tokens": 100},
        ]
    }
    (folder / "encode").mkdir()
    (folder / "encode/manifest.json").write_text(json.dumps(manifest))
    wish = CASES["several, in two languages, one both ways"][0]
    rates = {"web": 0.25, "news": 200 / 500, "book": 200 / 500}
    rows = rejudge(folder, wish).flips
    assert {row["language"] for row in rows} == {"en", "zh"}
    for row in rows:
        if row["language"] == "en":
            assert row["tokens"] == round(rates[row["category"]] * row["bytes"])
        else:
            assert row["tokens"] is None
    assert all(row["tokens"] is None for row in rejudge(base.directory, wish).flips)


def test_a_rule_that_is_not_there_in_the_other_rulesets_is_left_out_and_named(base):
    found = rejudge(base.directory, Wish(rulesets=("tiny-zh", "gopher")))
    assert found.ignored == (
        "overrides.en_stop_word_distinct_count",
        "sources.books-*.en_nonspace_chars_min",
        "sources.books-1.en_word_count_min",
    )
    assert "patch" in found.command


def test_the_command_does_what_was_tried():
    wish = Wish(
        settings=("en_word_count_min.min=30",),
        rulesets=("tiny-en",),
        exempt=("web:en_word_count_max",),
    )
    config, ignored = wished(JudgeConfig(), wish)
    assert command(wish, config, ignored) == (
        "mapneo run RECIPE.toml 'judge.rulesets=[\"tiny-en\"]' "
        "judge.overrides.en_word_count_min.min=30 "
        "'judge.sources.web.exempt=[\"en_word_count_max\"]'"
    )


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(), "nothing to judge by"),
        (Wish(settings=("en_word_cuont_min.min=3",)), "did you mean `en_word_count_min`"),
        (Wish(settings=("en_word_count_min.mni=3",)), "did you mean `min`"),
        (Wish(settings=("en_word_count_min.min=few",)), "'few'"),
        (Wish(settings=("en_word_count_min=3",)), "write RULE.min=VALUE"),
        (Wish(rulesets=("gophr",)), "did you mean `gopher`"),
        (Wish(exempt=("web",)), "write SOURCE:RULE"),
        (Wish(exempt=("wbe:en_word_count_min",)), "books-1, books-2, web"),
        (Wish(exempt=("web:en_word_cuont_min",)), "did you mean `en_word_count_min`"),
    ],
)
def test_a_wish_that_makes_no_sense_is_explained(base, wish, message):
    with pytest.raises(ConfigError, match=message):
        rejudge(base.directory, wish)


def test_a_ruleset_that_was_not_measured_is_named_with_what_to_do(tmp_path):
    run = curate(tmp_path, shards())
    with pytest.raises(DataError, match=r"gopher needs en:.*measure\.profiles"):
        rejudge(run.directory, Wish(rulesets=("gopher",)))


def test_a_run_that_is_not_judged_or_no_longer_as_it_was_is_refused(base, tmp_path):
    wish = CASES["tightened"][0]
    with pytest.raises(ManifestError, match="no finished stage judge"):
        rejudge(tmp_path, wish)
    folder = tmp_path / "run"
    shutil.copytree(base.directory, folder)
    [first, *_] = sorted((folder / "judge/verdicts").glob("*.parquet"))
    first.write_bytes(first.read_bytes() + b" ")
    with pytest.raises(ManifestError, match="not up to date"):
        rejudge(folder, wish)


def test_a_ruleset_file_that_changed_since_is_noticed(tmp_path):
    path = tmp_path / "mine.toml"
    body = 'name = "m"\nlanguage = "en"\n[[rules]]\nid = "x"\nsource = "own"\n'
    path.write_text(body + 'signal = "word_count_words"\nmin = 1\n')
    run = curate(tmp_path / "run", shards(), judge=JudgeConfig(rulesets=(str(path),)))
    assert rejudge(run.directory, Wish(settings=("x.min=30",))).flips
    path.write_text(body + 'signal = "word_count_words"\nmin = 2\n')
    with pytest.raises(ManifestError, match="not up to date"):
        rejudge(run.directory, Wish(settings=("x.min=30",)))
