"""Sites on loopback in a process of their own: pages in two languages, and everything that traps.

`python -m tests.crawl.server LOG` prints its port, then writes a line per request to LOG:
host, path, time. Names of hosts are the crawler's affair (`[network] hosts`).
"""

import gzip
import json
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGES = 40
BOMB = gzip.compress(b"<p>" + b"0" * 30_000_000)
WORDS = {
    "en": "The scheduler keeps a queue per host, and asks one host after the other for a page. ",
    "zh": "调度程序为每台主机保留一个队列，并依次向各主机请求页面。",
}
ROBOTS = {
    "docs.test": "User-agent: *\nDisallow: /private/\nAllow: /private/open.html\n",
    "traps.test": "User-agent: otherbot\nDisallow: /\n",
    "slow.test": "User-agent: *\nCrawl-delay: 0.4\n",
    "patient.test": "User-agent: *\nCrawl-delay: 3600\n",
}


def article(language, number, links=()):
    anchors = "".join(f'<a href="{link}">{link}</a>\n' for link in links)
    text = f"<p>{WORDS[language]}{number}</p>\n" * 4
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{number}</title></head><body><main>{text}</main>{anchors}</body></html>"
    ).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        self.server.note(host, self.path, self.headers["User-Agent"])
        if self.path == "/robots.txt":
            self.robots(host)
        elif host == "docs.test":
            self.docs()
        elif host == "traps.test":
            self.traps()
        elif host == "asks.test":
            self.asks()
        elif host in ("slow.test", "patient.test"):
            links = [f"/{n}.html" for n in range(3)] if self.path == "/" else ()
            self.answer(article("en", f"{host}{self.path}", links))
        else:
            self.answer(b"nothing", status=404)

    def robots(self, host):
        if host == "broken.test":
            self.answer(b"", status=500)
        elif host in ROBOTS:
            self.answer(ROBOTS[host].encode(), kind="text/plain")
        else:
            self.answer(b"", status=404)

    def docs(self):
        """Two languages, linked in a ring and from an index; a page each of two encodings."""
        name = self.path.strip("/")
        if name in ("", "index.html"):
            links = [f"/{lang}/{n}.html" for lang in WORDS for n in range(PAGES)]
            links += ["/private/closed.html", "/private/open.html", "/gbk.html", "/old.html"]
            links += ["/missing.html", "/picture.png", "http://elsewhere.test/", "mailto:a@b.c"]
            self.answer(article("en", "index", links))
        elif name == "gbk.html":
            body = article("zh", "gbk", ["/zh/1.html?词=值"]).decode().replace("utf-8", "gbk")
            self.answer(body.encode("gbk"), kind="text/html; charset=utf-8")
        elif name == "old.html":
            self.answer(b"", status=301, Location="/en/1.html")
        elif name == "picture.png":
            self.answer(b"\x89PNG" * 1000, kind="image/png")
        elif name.startswith("private/"):
            self.answer(article("en", name))
        elif name.split("/")[0] in WORDS and name.endswith(".html"):
            language, number = name.split("/")[0], int(name.split("/")[1].split(".")[0])
            following = f"/{language}/{(number + 1) % PAGES}.html?utm_source=ring#top"
            body = article(language, f"{language} {number}", [following])
            if number % 2:
                self.answer(gzip.compress(body, mtime=0), Content_Encoding="gzip")
            else:
                self.answer(body)
        else:
            self.answer(b"<p>not here</p>", status=404)

    def traps(self):
        path, _, query = self.path.partition("?")
        name = path.strip("/").split("/")[0]
        if name == "":
            names = "calendar/2026/1 loop/0 drip lie bomb busy many a/ cal?m=1 corrupt copy1 copy2"
            self.answer(article("en", "traps", ["/" + each for each in names.split()]))
        elif name == "calendar":
            _, _, year, month = path.split("/")
            year, month = int(year), int(month)
            following = f"/calendar/{year + month // 12}/{month % 12 + 1}"
            self.answer(article("en", path, [following]))
        elif name == "cal":
            month = int(query.split("=")[1])
            self.answer(article("en", self.path, [f"/cal?m={month + n}" for n in range(1, 20)]))
        elif name == "loop":
            number = int(path.split("/")[2])
            self.answer(b"", status=302, Location=f"/loop/{number + 1}")
        elif name == "a":
            self.answer(article("en", path, [path.rstrip("/") + "/a/"]))
        elif name == "drip":
            self.drip()
        elif name == "lie":
            self.answer(article("en", "lie"), length=100_000)
            self.close_connection = True
        elif name == "bomb":
            self.answer(BOMB, Content_Encoding="gzip")
        elif name == "corrupt":
            self.answer(b"this is no gzip", Content_Encoding="gzip")
        elif name == "busy":
            self.busy()
        elif name == "many":
            self.answer(article("en", "many", [f"/leaf/{n}" for n in range(10_000)]))
        elif name.startswith("copy"):
            self.answer(article("en", "copy"))
        else:
            self.answer(article("en", path))

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"<p>")
                time.sleep(0.2)
        except OSError:
            self.close_connection = True

    def busy(self):
        self.server.busy += 1
        if self.server.busy == 1:
            self.answer(b"", status=429, Retry_After="1")
        else:
            self.answer(article("en", "busy"))

    def asks(self):
        """Pages that ask something of those who read them."""
        name = self.path.strip("/")
        metas = {
            "noai.html": '<meta name="robots" content="noai">',
            "nofollow.html": '<meta name="robots" content="nofollow">',
            "noindex.html": '<meta name="robots" content="noindex">',
            "tdm.html": '<meta name="tdm-reservation" content="1"><meta name="tdm-policy" '
            'content="https://asks.test/terms.json">',
            "canonical.html": '<link rel="canonical" href="/real.html">',
        }
        headers = {
            "header.html": {"X_Robots_Tag": "noai"},
            "other.html": {"X_Robots_Tag": "otherbot: noai"},
            "tdm-header.html": {"tdm_reservation": "1"},
        }
        if name == ".well-known/tdmrep.json":
            rules = [
                {"location": "/closed/*", "tdm-reservation": 1, "tdm-policy": "https://p.test/"},
                {"location": "/", "tdm-reservation": 0},
            ]
            self.answer(json.dumps(rules).encode(), kind="application/json")
        elif name == "":
            links = [*metas, *headers, "closed/1.html"]
            self.answer(article("en", "asks", ["/" + each for each in links]))
        else:
            page = article("en", name, ["/behind.html"] if name == "nofollow.html" else ())
            page = page.replace(b"<title>", metas.get(name, "").encode() + b"<title>")
            self.answer(page, **headers.get(name, {}))

    def answer(self, body, status=200, kind="text/html; charset=utf-8", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # whoever asked has gone
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    busy = 0

    def __init__(self, log):
        super().__init__(("127.0.0.1", 0), Handler)
        self.log = log.open("a", buffering=1, encoding="utf-8")

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # no look-up of the machine's own name
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, *_):
        pass

    def note(self, host, path, agent):
        self.log.write(json.dumps([host, path, agent, time.time()]) + "\n")


if __name__ == "__main__":
    server = Server(Path(sys.argv[1]))
    print(server.server_port, flush=True)
    server.serve_forever()
