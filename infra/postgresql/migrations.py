"""The tables that all processes share, in numbered steps: keys, worker numbers, dead letters,
identity, which generations answer. A projection's own tables are made with each generation instead.

A step that was released is never changed. What the newest program needs is added by steps that the
program before it can live with, for both run while the one replaces the other.
"""

from typing import Final

from domain.ids import LEASED_WORKER_MAX
from infra.postgresql.database import Database

SHARED: Final = "starling"

_KEYS: Final = """
-- A row without a key is a tombstone: the key was destroyed and is never made again.
CREATE TABLE keys (person_id bigint PRIMARY KEY, key bytea, destroyed_at timestamptz);
CREATE INDEX keys_destroyed ON keys (destroyed_at) WHERE destroyed_at IS NOT NULL;
CREATE TABLE secrets (name text PRIMARY KEY, secret bytea NOT NULL);
"""
_LEASES: Final = f"""
CREATE TABLE leases (
    worker integer PRIMARY KEY, until_ms bigint NOT NULL, holder text NOT NULL);
CREATE INDEX leases_by_end ON leases (until_ms, worker);
INSERT INTO leases SELECT worker, 0, '' FROM generate_series(0, {LEASED_WORKER_MAX}) AS worker;
"""
_DEAD_LETTERS: Final = """
CREATE TABLE dead_letters (
    projection text COLLATE "C" NOT NULL, partition integer NOT NULL, position bigint NOT NULL,
    key bigint, error text NOT NULL, requested text,
    PRIMARY KEY (projection, partition, position));
CREATE INDEX dead_letters_by_key ON dead_letters (projection, partition, key, position);
CREATE INDEX dead_letters_requested ON dead_letters (projection) WHERE requested IS NOT NULL;
"""
_IDENTITY: Final = """
-- Times are those of the processes' clocks, but for noted_at: when the server was told of the end.
-- Keys are numbered, so that of two processes that add one at the same time only one does.
CREATE TABLE passwords (account_id bigint PRIMARY KEY, hash text NOT NULL);
CREATE TABLE sessions (
    session_id text PRIMARY KEY, account_id bigint NOT NULL, opened_at bigint NOT NULL,
    expires_at bigint NOT NULL, ended_at bigint, noted_at timestamptz);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_noted ON sessions (noted_at) WHERE noted_at IS NOT NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY, session_id text NOT NULL, expires_at bigint NOT NULL, used_at bigint);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE TABLE signing_keys (
    kid text PRIMARY KEY, private_key bytea NOT NULL, made_at bigint NOT NULL, retired_at bigint,
    number integer NOT NULL UNIQUE);
"""
_GENERATIONS: Final = """
CREATE TABLE generations (
    projection text COLLATE "C" NOT NULL, version integer NOT NULL, number integer NOT NULL,
    state text NOT NULL, PRIMARY KEY (projection, version, number));
CREATE UNIQUE INDEX generations_live ON generations (projection, version) WHERE state = 'live';
CREATE UNIQUE INDEX generations_coming ON generations (projection, version)
    WHERE state IN ('building', 'filled');
"""
_DEAD_LETTERS_OF_GENERATIONS: Final = """
-- What was parked before, or is by a program that knows no better, is the first generation's.
ALTER TABLE dead_letters ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN generation integer NOT NULL DEFAULT 1, DROP CONSTRAINT dead_letters_pkey,
    ADD PRIMARY KEY (projection, version, generation, partition, position);
DROP INDEX dead_letters_by_key, dead_letters_requested;
CREATE INDEX dead_letters_by_key
    ON dead_letters (projection, version, generation, partition, key, position);
CREATE INDEX dead_letters_requested ON dead_letters (projection, version, generation)
    WHERE requested IS NOT NULL;
"""
_MOMENTS: Final = """
-- Of generations as of a moment: which moment, and whether they are whole.
CREATE TABLE moments (
    projection text COLLATE "C" NOT NULL, version integer NOT NULL, number integer NOT NULL,
    name text COLLATE "C" NOT NULL, at_ms bigint NOT NULL, vector jsonb NOT NULL,
    whole boolean NOT NULL, PRIMARY KEY (projection, version, number));
"""
_REPLAYS: Final = """
-- Of generations that are being built: what their replay was told, and how far it told that it is.
-- Nothing is written to seen_at any more: who builds holds a lock.
CREATE TABLE replays (
    projection text COLLATE "C" NOT NULL, version integer NOT NULL, number integer NOT NULL,
    wish text NOT NULL, per_s_max double precision,
    done bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0,
    per_s double precision NOT NULL DEFAULT 0, left_s double precision,
    seen_at timestamptz, PRIMARY KEY (projection, version, number));
"""
_GENERATIONS_TOLD: Final = """
CREATE FUNCTION tell_of_generations() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify(TG_TABLE_SCHEMA || '.generations', ''); RETURN NULL; END $$;
CREATE TRIGGER generations_told AFTER INSERT OR UPDATE OR DELETE ON generations
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_generations();
"""
STEPS: Final = (
    _KEYS,
    _LEASES,
    _DEAD_LETTERS,
    _IDENTITY,
    _GENERATIONS,
    _DEAD_LETTERS_OF_GENERATIONS,
    _MOMENTS,
    _REPLAYS,
    _GENERATIONS_TOLD,
)

_STEPS_TAKEN: Final = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now())
"""


async def migrate(database: Database, namespace: str = SHARED) -> None:
    """Take the steps that were not taken yet, all or none. May be called by every process at its
    start, at the same time. Raises StoreUnavailable."""
    async with database.changing(namespace) as connection:
        await connection.execute(_STEPS_TAKEN)
        newest = await connection.execute("SELECT coalesce(max(number), 0) FROM migrations")
        [(taken,)] = await newest.fetchall()
        for number, step in enumerate(STEPS[taken:], start=taken + 1):
            # Several statements at once cannot be prepared.
            await connection.execute(step, prepare=False)
            await connection.execute("INSERT INTO migrations VALUES (%s)", (number,))
