-- What Postgres remembers of the queue in Redis, so that a Redis that has lost its data is found out.

-- One row for each queue (queue.name). A worker compares it with the marker in Redis every few seconds:
-- another epoch, or a marker that was checked less often than is remembered here, means that jobs may
-- have been lost.
CREATE TABLE quittance.queue_marker (
    queue          TEXT        PRIMARY KEY,
    epoch          TEXT        NOT NULL,
    -- How often the marker was checked, as Redis counts it.
    beat           BIGINT      NOT NULL,
    -- What was received before is finished. From here on events have to be replayed after a loss.
    finished_until TIMESTAMPTZ NOT NULL,
    checked_at     TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    -- A loss that no operator has acknowledged: when the first of them was noticed, what was missing
    -- ('' where that is not known), and from when on events may be missing.
    lost_at        TIMESTAMPTZ,
    lost_what      TEXT,
    lost_since     TIMESTAMPTZ,
    CHECK ((lost_at IS NULL) = (lost_what IS NULL) AND (lost_at IS NULL) = (lost_since IS NULL))
);
