-- Runs of agents, by the name that each gives itself: of several with one key, which
-- was known first. told is when it was told to become a device of its own; nought: it
-- was not.
CREATE TABLE device_runs (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    instance BYTEA NOT NULL,
    arrived BIGINT NOT NULL,
    heard BIGINT NOT NULL,
    told BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, instance)
);

CREATE INDEX device_runs_by_heard ON device_runs (school_id, heard);

-- Devices that were copies: which device each came of, and origin, the first of that
-- family, which the bounds are counted for.
CREATE TABLE splits (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    parent TEXT NOT NULL,
    origin TEXT NOT NULL,
    instance BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, device)
);

CREATE INDEX splits_by_origin ON splits (school_id, origin, at);

-- Leave for more copies of a family to become devices of their own than the bounds let
-- through, for a day.
CREATE TABLE split_leave (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    more BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE INDEX split_leave_by_origin ON split_leave (school_id, origin, at);
