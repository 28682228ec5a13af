/** The tables of `alerts`, in PostgreSQL's dialect. Run at every start; each statement changes nothing when done. */
export const schema = `
CREATE SCHEMA IF NOT EXISTS alerts;

CREATE TABLE IF NOT EXISTS alerts.warnings (
  id          text PRIMARY KEY,
  version     integer NOT NULL,
  state       text NOT NULL,
  raised_ms   double precision NOT NULL,
  changed_ms  double precision NOT NULL,
  unmet       integer NOT NULL DEFAULT 0,
  body        jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS warnings_open ON alerts.warnings (state) WHERE state <> 'resolved';
CREATE INDEX IF NOT EXISTS warnings_changed ON alerts.warnings (changed_ms);

CREATE TABLE IF NOT EXISTS alerts.orders (
  id          text PRIMARY KEY,
  warning_id  text NOT NULL REFERENCES alerts.warnings (id),
  unit_id     text NOT NULL,
  state       text NOT NULL,
  body        jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_of_warning ON alerts.orders (warning_id);
-- The database itself refuses to send one unit to two places.
CREATE UNIQUE INDEX IF NOT EXISTS orders_one_live_per_unit ON alerts.orders (unit_id)
  WHERE state NOT IN ('released', 'stood-down');

CREATE TABLE IF NOT EXISTS alerts.units (
  id    text PRIMARY KEY,
  body  jsonb NOT NULL
);

CREATE TABLE IF NOT EXISTS alerts.audit (
  number      bigserial PRIMARY KEY,
  warning_id  text NOT NULL,
  version     integer NOT NULL,
  at_ms       double precision NOT NULL,
  by          text NOT NULL,
  event       text NOT NULL,
  detail      jsonb NOT NULL
);
CREATE OR REPLACE FUNCTION alerts.refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the audit is only ever added to'; END $$;
CREATE OR REPLACE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON alerts.audit
  FOR EACH ROW EXECUTE FUNCTION alerts.refuse();

CREATE TABLE IF NOT EXISTS alerts.events (
  number  bigserial PRIMARY KEY,
  body    jsonb NOT NULL
);

CREATE TABLE IF NOT EXISTS alerts.commands (
  id       text PRIMARY KEY,
  command  jsonb NOT NULL,
  result   text NOT NULL,
  detail   text
);

CREATE TABLE IF NOT EXISTS alerts.deeds (
  number  bigserial PRIMARY KEY,
  key     text NOT NULL UNIQUE,
  body    jsonb NOT NULL,
  done    boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS deeds_due ON alerts.deeds (number) WHERE NOT done;

CREATE TABLE IF NOT EXISTS alerts.outcomes (
  episode_id    text PRIMARY KEY,
  rule          text NOT NULL,
  rule_version  text NOT NULL,
  outcome       text NOT NULL,
  lead_min      double precision
);

CREATE TABLE IF NOT EXISTS alerts.local_alarms (
  key         text PRIMARY KEY,
  number      double precision NOT NULL,
  place_id    text NOT NULL,
  hazard      text NOT NULL,
  warning_id  text,
  body        jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS local_alarms_waiting ON alerts.local_alarms (place_id, hazard) WHERE warning_id IS NULL;
`
