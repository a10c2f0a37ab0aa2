-- Rules that somebody wants brought into force, and why. base is the version they
-- were made against; epoch and serial the version that they became.
CREATE TABLE proposals (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    proposed_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    necessity TEXT NOT NULL,
    base_epoch BIGINT NOT NULL,
    base_serial BIGINT NOT NULL,
    state TEXT NOT NULL,
    decided BIGINT NOT NULL,
    decided_by TEXT NOT NULL,
    why TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

-- What is proposed, as it is written. The files lie in blobs.
CREATE TABLE proposal_files (
    school_id TEXT NOT NULL,
    proposal TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    PRIMARY KEY (school_id, proposal, name),
    FOREIGN KEY (school_id, proposal) REFERENCES proposals (school_id, id)
);

-- Runs of `rules try`: numbers with the small ones withheld, nobody's words.
CREATE TABLE trials (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    run_by TEXT NOT NULL,
    rules TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    result BYTEA NOT NULL,
    PRIMARY KEY (school_id, id)
);

-- What an alert came to. rules are those that were counted for it, sealed with the
-- subject's key: a rule may be called by the very name that was seen.
CREATE TABLE alert_outcomes (
    school_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    outcome TEXT NOT NULL,
    at BIGINT NOT NULL,
    rules BYTEA NOT NULL,
    PRIMARY KEY (school_id, ref),
    FOREIGN KEY (school_id, ref) REFERENCES alerts (school_id, ref)
);

-- How many alerts of a rule came to what, by month (202611): of no alert and of
-- nobody, so that it outlives them.
CREATE TABLE rule_outcomes (
    school_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    month BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    alerts BIGINT NOT NULL,
    PRIMARY KEY (school_id, rule, month, outcome)
);
