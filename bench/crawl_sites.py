"""Sites on loopback, in a process of their own, made of the pages of packages.

`python -m bench.crawl_sites LOG NAME=FOLDER …` serves each folder under the host NAME.test, prints
its port, and writes a line per request to LOG: host, path. The page `/` of a site leads to all its
files, through lists of a hundred; links that lead nowhere answer 404, as on the web.
"""

import html
import json
import mimetypes
import socketserver
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

LIST_LENGTH = 100
MAX_FILES = 1000


class Site:
    """A folder as a site: its files by path, at most `MAX_FILES` in the order of their names."""

    def __init__(self, folder: Path) -> None:
        """List the HTML files of the folder."""
        found = sorted(path for path in folder.rglob("*.html") if path.is_file())
        self.files = {f"/{path.relative_to(folder).as_posix()}": path for path in found[:MAX_FILES]}
        names = list(self.files)
        self.lists = [names[at : at + LIST_LENGTH] for at in range(0, len(names), LIST_LENGTH)]

    def page(self, path: str) -> bytes | None:
        """What stands at a path; None if nothing does."""
        if path == "/":
            return _links([f"/list-{number}.html" for number in range(len(self.lists))])
        for number, names in enumerate(self.lists):
            if path == f"/list-{number}.html":
                return _links(names)
        file = self.files.get(path)
        return None if file is None else file.read_bytes()


def _links(paths: list[str]) -> bytes:
    anchors = (
        f'<li><a href="{html.escape(quote(each))}">{html.escape(each)}</a>' for each in paths
    )
    return ('<!doctype html><meta charset="utf-8"><ul>' + "\n".join(anchors)).encode()


class Handler(BaseHTTPRequestHandler):
    """Answers for all sites."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_: object) -> None:
        """Say nothing on the screen."""

    def do_GET(self) -> None:  # noqa: N802
        """Serve a page, or 404."""
        host = self.headers["Host"].partition(":")[0]
        self.server.note(host, self.path)
        path = unquote(urlsplit(self.path).path)
        body = self.server.sites[host].page(path)
        kind = mimetypes.guess_type(path)[0] or "text/html"
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


class Server(ThreadingHTTPServer):
    """All sites behind one port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, log: Path, sites: dict[str, Site]) -> None:
        """Listen on any free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.sites = sites
        self._log = log.open("a", buffering=1, encoding="utf-8")

    def server_bind(self) -> None:
        """Bind without looking up the machine's own name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, *_: object) -> None:
        """A crawler that was killed is no error."""

    def note(self, host: str, path: str) -> None:
        """Write a request down."""
        self._log.write(json.dumps([host, path]) + "\n")


def main() -> None:
    """Serve until killed."""
    log, *sites = sys.argv[1:]
    named = (site.partition("=") for site in sites)
    server = Server(Path(log), {f"{name}.test": Site(Path(folder)) for name, _, folder in named})
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
