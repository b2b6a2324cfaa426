CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  happened DOUBLE PRECISION NOT NULL,
  space TEXT NOT NULL,
  slug TEXT NOT NULL,
  what TEXT NOT NULL,
  actor TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  outcome TEXT NOT NULL
);
CREATE INDEX audit_space ON audit (space, id);
CREATE INDEX audit_happened ON audit (happened);
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  event TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  body TEXT NOT NULL,
  made DOUBLE PRECISION NOT NULL,
  due DOUBLE PRECISION NOT NULL,
  tries INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  error TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (endpoint, dead, due);
