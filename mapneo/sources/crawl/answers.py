"""What came back for an address, in the crawler's own terms, and how it is put into records."""

import datetime
import email.utils
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapneo.sources.crawl.archive import Record

_DROPPED = (b"content-encoding", b"content-length", b"transfer-encoding")
_REVISIT_PROFILE = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer over HTTP.

    Attributes:
        status: status code.
        headers: names and values as received.
        body: bytes after Content-Encoding is undone.
        wire_bytes: length of the body as sent.
        address: IP address that answered.
        request_headers: what was sent.
        fetched: moment of the request, UTC.
        seconds: from the request to the last byte.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    wire_bytes: int
    address: str
    request_headers: Sequence[tuple[bytes, bytes]]
    fetched: datetime.datetime
    seconds: float

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        wanted = name.lower().encode()
        return [
            value.decode("latin-1").strip() for key, value in self.headers if key.lower() == wanted
        ]

    def value(self, name: str) -> str:
        """First value of a header; empty if it is not there."""
        return next(iter(self.values(name)), "")

    @property
    def media_type(self) -> str:
        """Content type without parameters, in lower case."""
        return media_type(self.value("Content-Type"))

    @property
    def charset(self) -> str | None:
        """Encoding that the header declares."""
        for part in self.value("Content-Type").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip(" \"'") or None
        return None

    def retry_after(self, now: float) -> float | None:
        """Seconds to wait that the server asks for (RFC 9110, 10.2.3: a number or a date)."""
        value = self.value("Retry-After")
        if value.isdigit():
            return float(value)
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return max(0.0, moment.timestamp() - now)


def media_type(content_type: str) -> str:
    """A Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def moment(time: datetime.datetime) -> str:
    """A time as WARC writes it."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def page_records(
    url: str,
    answer: Answer,
    facts: Mapping[str, str],
    copy_of: tuple[str, str] | None,
) -> list[Record]:
    """The records of a page: response (or revisit), request, metadata.

    Content-Encoding is undone, as Common Crawl does: `X-Crawl-` headers keep what was sent.

    Args:
        url: the address.
        answer: what came.
        facts: fields of the metadata record.
        copy_of: address and WARC-Date of the page that has the same contents, if one is stored.
    """
    date = moment(answer.fetched)
    seed = f"{url} {date}"
    response_id = _urn(f"response {seed}")
    digest = hashlib.sha256(answer.body).hexdigest()
    common = {"WARC-Target-URI": url, "WARC-Date": date}
    response = {
        **common,
        "WARC-Record-ID": response_id,
        "WARC-IP-Address": answer.address,
        "WARC-Payload-Digest": f"sha256:{digest}",
        "Content-Type": "application/http; msgtype=response",
    }
    head = _response_head(answer)
    if copy_of is None:
        first = Record(kind="response", fields=response, block=head + answer.body)
    else:
        response |= {
            "WARC-Profile": _REVISIT_PROFILE,
            "WARC-Refers-To-Target-URI": copy_of[0],
            "WARC-Refers-To-Date": copy_of[1],
        }
        first = Record(kind="revisit", fields=response, block=head)
    request = {
        **common,
        "WARC-Record-ID": _urn(f"request {seed}"),
        "WARC-Concurrent-To": response_id,
        "Content-Type": "application/http; msgtype=request",
    }
    metadata = {
        **common,
        "WARC-Record-ID": _urn(f"metadata {seed}"),
        "WARC-Concurrent-To": response_id,
        "Content-Type": "application/warc-fields",
    }
    lines = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in facts.items())
    return [
        first,
        Record(kind="request", fields=request, block=_request_block(url, answer)),
        Record(kind="metadata", fields=metadata, block=lines.encode()),
    ]


def _urn(text: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}>"


def _response_head(answer: Answer) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (answer.status, _phrase(answer.status))]
    for name, value in answer.headers:
        kept = name if name.lower() not in _DROPPED else b"X-Crawl-" + name
        lines.append(kept + b": " + b" ".join(value.split()))
    lines.append(b"Content-Length: %d" % len(answer.body))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _phrase(status: int) -> bytes:
    return b"OK" if status == 200 else b"Success"


def _request_block(url: str, answer: Answer) -> bytes:
    _, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    lines = [f"GET {slash}{path} HTTP/1.1".encode("latin-1"), b"Host: " + host.encode("latin-1")]
    lines += [name + b": " + value for name, value in answer.request_headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def info_record(fields: Mapping[str, str], date: datetime.datetime) -> Record:
    """The warcinfo record that begins each file: who crawled, with what, under which rules."""
    text = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in fields.items())
    names = {
        "WARC-Record-ID": _urn(f"warcinfo {text} {moment(date)}"),
        "WARC-Date": moment(date),
        "Content-Type": "application/warc-fields",
    }
    return Record(kind="warcinfo", fields=names, block=text.encode())
