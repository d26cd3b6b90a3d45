"""A polite crawler: Scrapy fetches, a frontier in SQLite survives kill -9, WARC files come out.

Start at `job.py`. Scrapy and what comes with it are the extra `crawl`.
"""

from importlib.util import find_spec

from mapneo.core.errors import ConfigError

if find_spec("scrapy") is None:
    raise ConfigError("crawling needs Scrapy: install it with pip install 'mapneo[crawl]'")
