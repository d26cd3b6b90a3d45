"""A server process for the module, and crawls in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HOSTS = ["docs.test", "traps.test", "asks.test", "slow.test", "patient.test", "broken.test"]
DRIVER = """
import sys
from pathlib import Path
from mapneo.core.progress import QuietProgress
from mapneo.sources.crawl.job import read_crawl_recipe, run_crawl
recipe = read_crawl_recipe(Path(sys.argv[1]), sys.argv[3:])
print(run_crawl(recipe, Path(sys.argv[2]), QuietProgress()).ending)
"""


class Site:
    """Sites that are up: where, and who asked them for what."""

    def __init__(self, port, log):
        self.port, self._log = port, log

    def requests(self, host=None):
        """[host, path, agent, time] of each request so far."""
        rows = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [row for row in rows if host in (None, row[0])]

    def forget(self):
        self._log.write_text("")

    def recipe(self, path, hosts, more=""):
        seeds = ", ".join(f'"http://{host}/"' for host in hosts)
        fixed = ", ".join(f'"{host}" = "127.0.0.1:{self.port}"' for host in HOSTS)
        path.write_text(
            f'[crawl]\nname = "t"\nseeds = [{seeds}]\n'
            '[agent]\nproduct = "testbot"\ncontact = "test@example.org"\n'
            "[politeness]\ndelay_seconds = 0\nper_host = 4\nattempts = 2\n"
            "[limits]\nseconds = 2\nunpacked_megabytes = 5\nlinks_per_page = 300\n"
            "[traps]\npages_per_directory = 90\nqueries_per_path = 20\n"
            f'[network]\nallow_addresses = ["127.0.0.1"]\nhosts = {{ {fixed} }}\n{more}'
        )
        return path


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    log = tmp_path_factory.mktemp("site") / "log"
    words = [sys.executable, "-m", "tests.crawl.server", str(log)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        yield Site(int(server.stdout.readline()), log)
        server.kill()


def start(recipe: Path, output: Path, *settings: str) -> subprocess.Popen:
    words = [sys.executable, "-c", DRIVER, str(recipe), str(output), *settings]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert not err
    return out.strip()
