CREATE TABLE spaces (
  key TEXT PRIMARY KEY,
  slug TEXT NOT NULL,
  version INTEGER NOT NULL,
  phase TEXT NOT NULL,
  details TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  opened DOUBLE PRECISION NOT NULL,
  ended DOUBLE PRECISION NOT NULL
);
CREATE UNIQUE INDEX spaces_living ON spaces (slug) WHERE phase <> 'ended';
CREATE INDEX spaces_ended ON spaces (ended) WHERE phase = 'ended';
CREATE INDEX spaces_slug ON spaces (slug, ended);
CREATE TABLE facts (
  space TEXT NOT NULL REFERENCES spaces (key) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  happened DOUBLE PRECISION NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (space, version)
);
