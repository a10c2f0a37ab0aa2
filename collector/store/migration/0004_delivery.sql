-- Up to where a device's records of a lane are held without a hole: written some
-- seconds late, so that it may be less than what is held and is never more.
CREATE TABLE positions (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    spool_epoch BYTEA NOT NULL,
    lane BIGINT NOT NULL,
    upto BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, spool_epoch, lane)
);
