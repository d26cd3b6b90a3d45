"""A sentence that names what, where and what to do; and the documented exit code."""

import pytest


def complaint(shell, *words: str, code: int) -> str:
    error = shell(*words, code=code).stderr
    assert "Traceback" not in error
    return error


def test_a_misspelt_key(fresh):
    error = complaint(fresh, "run", "micro.toml", "judge.overides={}", code=2)
    assert "judge.overides" in error
    assert "did you mean `overrides`" in error


def test_a_value_where_a_table_belongs(fresh):
    (fresh.folder / "flat.toml").write_text('fetch = "web"\n')
    assert "`fetch` = 'web'" in complaint(fresh, "run", "flat.toml", code=2)


def test_an_unknown_stage(fresh):
    assert "pretrain_1" in complaint(fresh, "run", "micro.toml", "--until", "pretrian", code=2)


def test_windows_that_do_not_match_the_mix(fresh):
    error = complaint(fresh, "run", "micro.toml", "pretrain_1.steps=31", code=2)
    assert "248" in error
    assert "240" in error


def test_a_missing_recipe(fresh):
    assert "micro.toml" in complaint(fresh, "run", "mikro.toml", code=3)


def test_a_missing_and_an_empty_folder(fresh):
    assert "nowhere" in complaint(fresh, "run", "micro.toml", "--data", "nowhere", code=3)
    (fresh.folder / "empty").mkdir()
    assert "empty" in complaint(fresh, "run", "micro.toml", "--data", "empty", code=3)


def test_an_unknown_source_is_suggested(fresh):
    error = complaint(fresh, "run", "micro.toml", 'fetch.sources=["china-lw"]', code=2)
    assert "china-law" in error


def test_a_folder_that_is_no_run(fresh):
    assert "not a run" in complaint(fresh, "status", "web", code=7)


def test_too_little_space(fresh):
    error = complaint(fresh, "run", "micro.toml", "run.min_free_disk_gb=1000000", code=5)
    assert "min_free_disk_gb" in error


@pytest.mark.parametrize("verb", ["run", "status", "show", "fetch", "judge"])
def test_every_verb_has_help_with_examples(fresh, verb):
    assert "Examples" in fresh(verb, "--help").stdout


def test_a_folder_with_only_broken_files_says_so(fresh):
    bad = fresh.folder / "bad"
    bad.mkdir()
    (bad / "a.pdf").write_bytes(b"%PDF-1.4 no")
    (bad / "b.html").write_bytes(b"")
    error = complaint(fresh, "run", "micro.toml", "--data", "bad", code=8)
    assert "extract kept none of 2 documents" in error
    assert "empty_file 1" in error


@pytest.mark.parametrize("name", ["..", ".", "../x", "-x"])
def test_a_run_name_that_leads_elsewhere(fresh, name):
    assert "run.name" in complaint(fresh, "run", "micro.toml", f"run.name={name}", code=2)


def test_runs_inside_the_data_folder(fresh):
    error = complaint(fresh, "run", "micro.toml", "--data", ".", code=2)
    assert "lies inside the data folder" in error
    assert not (fresh.folder / "runs").exists()


@pytest.mark.parametrize("phases", [1, 3])
def test_as_many_phases_as_are_trained(fresh, phases):
    phase = '{windows=240, rules=[{language="en", weight=1}]}'
    setting = f"mix.phases=[{', '.join([phase] * phases)}]"
    error = complaint(fresh, "run", "micro.toml", setting, code=2)
    assert f"mix.phases has {phases} phases" in error
    assert "'run'" not in error


def test_a_file_where_the_runs_folder_should_be(fresh):
    (fresh.folder / "runs").write_text("a file")
    assert "runs/micro" in complaint(fresh, "run", "micro.toml", code=5)


def test_a_stage_folder_that_is_a_file(fresh):
    fresh("run", "micro.toml", "--until", "fetch")
    (fresh.folder / "runs/micro/extract").write_text("a file")
    error = complaint(fresh, "run", "micro.toml", "--until", "extract", code=5)
    assert "runs/micro/extract" in error


def test_an_operating_system_error_without_a_class_is_still_a_sentence(fresh):
    error = complaint(fresh, "run", "micro.toml", "--runs", "y" * 300, code=1)
    assert "too long" in error
