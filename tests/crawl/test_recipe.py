import signal
import time
from pathlib import Path

import pytest

from mapneo.core.errors import ConfigError, LockError
from mapneo.core.lock import exclusive
from mapneo.core.progress import QuietProgress
from mapneo.sources.crawl.job import read_crawl_recipe, run_crawl
from mapneo.sources.crawl.pacing import Host, Turns

ROOT = Path(__file__).parent.parent.parent
RECIPE = """
[crawl]
name = "t"
seeds = ["http://a.org/"]
[agent]
product = "testbot"
contact = "https://a.org/bot"
"""


def recipe(tmp_path, text=RECIPE, *settings):
    path = tmp_path / "r.toml"
    path.write_text(text)
    return read_crawl_recipe(path, settings)


def test_user_agent_names_the_crawler_and_its_owner(tmp_path):
    assert recipe(tmp_path).agent.header == "testbot/1.0 (+https://a.org/bot)"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("agent.contact='nobody'", "agent.contact"),
        ("agent.product='my bot'", "agent.product"),
        ("crawl.seeds=[]", "crawl.seeds"),
        ("crawl.seeds=['a.org']", "http://"),
        ("scope.deny=['(']", "not a regular expression"),
        ("network.allow_addresses=['home']", "expected an IP address"),
        ("network.hosts={'a.org'='localhost'}", "ADDRESS:PORT"),
        ("budget.page=7", "did you mean `pages`"),
        ("robots.obey=false", "unknown key `robots`"),
    ],
)
def test_mistakes_are_explained(tmp_path, setting, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        recipe(tmp_path, RECIPE, setting)


def test_contact_is_required(tmp_path):
    with pytest.raises(ConfigError, match=r"`agent.contact` is missing"):
        recipe(tmp_path, RECIPE.replace('contact = "https://a.org/bot"', ""))


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    # A budget that is spent ends the crawl before anything is asked for.
    first = recipe(tmp_path, RECIPE, "budget.hours=1e-9")
    assert run_crawl(first, tmp_path, QuietProgress()).ending == "hours"
    with pytest.raises(ConfigError, match=r"\[scope\] differs"):
        run_crawl(recipe(tmp_path, RECIPE, "scope.paths=['/x']"), tmp_path, QuietProgress())
    with exclusive(tmp_path / "t"), pytest.raises(LockError):
        run_crawl(first, tmp_path, QuietProgress())


@pytest.mark.parametrize("path", sorted((ROOT / "recipes/crawl").glob("*.toml")), ids=str)
def test_example_recipes_resolve(path):
    assert read_crawl_recipe(path).agent.contact


def test_turns_go_round_and_keep_their_distance():
    turns = Turns(per_host=1)
    for number in (1, 2):
        turns.add(Host(host_id=number, name=str(number), delay=10, queued=2))
    order = []
    for now in (0, 0, 5, 10, 10, 20):
        host = turns.next(now)
        order.append(host and host.host_id)
        if host:
            host.started(now)
            host.active -= 1
            turns.offer(host)
    assert order == [1, 2, None, 1, 2, None]


def test_a_host_that_fails_is_left_alone_longer_each_time():
    host = Host(host_id=1, name="a", delay=1)
    waits = []
    for _ in range(12):
        host.next_at = 0
        host.failed(now=0)
        waits.append(host.next_at)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300


def test_a_stop_by_signal_stores_what_was_in_flight(site, tmp_path):
    from tests.crawl.conftest import finish, start

    path = site.recipe(tmp_path / "r.toml", ["docs.test"], "")
    site.forget()
    process = start(path, tmp_path)
    while len(site.requests()) < 20 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    before = len(site.requests())
    assert finish(start(path, tmp_path)) == "finished"
    asked = [path for _, path, _, _ in site.requests()]
    assert len(asked) == len(set(asked))
    assert before < len(asked)
