-- A change of hours or places that takes a second person, until that one asks for the
-- same: sum is of what it is to become.
CREATE TABLE place_changes (
    school_id TEXT NOT NULL,
    what TEXT NOT NULL,
    sum BYTEA NOT NULL,
    asked_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, what)
);
