"""A real web server on loopback, in a thread."""

import http.server
import os
import threading
from contextlib import contextmanager
from functools import partial


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; with ranges if asked to, and failing the first times if asked to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.server.failures > 0:
            self.server.failures -= 1
            self.send_error(503)
            return
        path = self.translate_path(self.path)
        wanted = self.headers.get("Range")
        if not wanted or not self.server.ranges or os.path.isdir(path):
            super().do_GET()
            return
        size = os.path.getsize(path)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size - 1), size - 1)
        if start >= size:
            self.send_error(416)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        with open(path, "rb") as file:
            file.seek(start)
            self.wfile.write(file.read(end - start + 1))

    def log_message(self, *_):
        pass


@contextmanager
def http_server(folder, *, ranges=True):
    """A server of the folder's files; `.failures` is how many requests it will refuse."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Handler, directory=str(folder))
    )
    server.ranges, server.failures = ranges, 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
