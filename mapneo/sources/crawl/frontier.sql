CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value);

CREATE TABLE IF NOT EXISTS hosts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  next_at REAL NOT NULL DEFAULT 0,
  delay REAL NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS origins (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  host INTEGER NOT NULL REFERENCES hosts,
  robots BLOB,
  robots_at REAL,
  tdm BLOB,
  trouble TEXT
);

CREATE TABLE IF NOT EXISTS pages (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  kind TEXT NOT NULL,
  host INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  hops INTEGER NOT NULL,
  referrer INTEGER,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  rank INTEGER NOT NULL,
  starts INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  status INTEGER,
  content_type TEXT,
  charset TEXT,
  wire_bytes INTEGER,
  bytes INTEGER,
  sha256 TEXT,
  fetched TEXT,
  seconds REAL,
  robots TEXT,
  tdm INTEGER,
  tdm_policy TEXT,
  tdm_where TEXT,
  canonical TEXT,
  target TEXT,
  links INTEGER,
  more_links INTEGER,
  warc_file TEXT,
  warc_offset INTEGER,
  warc_bytes INTEGER
);
CREATE INDEX IF NOT EXISTS queue ON pages (host, rank, id) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS flights ON pages (id) WHERE state = 'in_flight';
CREATE INDEX IF NOT EXISTS contents ON pages (sha256) WHERE reason = 'stored';

CREATE TABLE IF NOT EXISTS traps (
  kind TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS warcs (
  name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, safe_bytes INTEGER NOT NULL
);
