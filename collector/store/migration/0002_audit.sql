-- What a transaction changed, and who did it: written in that transaction, and
-- moved into the record in order, soon after.
CREATE TABLE audit_outbox (
    school_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    id TEXT NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    what TEXT NOT NULL,
    ref TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (school_id, at, id)
);

-- The record: a Merkle tree over leaves. A leaf is the hash of a salted record
-- that stands apart, so that the record can be erased and the tree stays.
CREATE TABLE audit_leaves (
    school_id TEXT NOT NULL,
    idx BIGINT NOT NULL,
    leaf BYTEA NOT NULL,
    PRIMARY KEY (school_id, idx)
);

CREATE TABLE audit_hashes (
    school_id TEXT NOT NULL,
    idx BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (school_id, idx)
);

CREATE TABLE audit_records (
    school_id TEXT NOT NULL,
    idx BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    record BYTEA NOT NULL,
    ref TEXT NOT NULL,
    erased_reason TEXT NOT NULL,
    PRIMARY KEY (school_id, idx)
);

CREATE INDEX audit_records_by_ref ON audit_records (school_id, ref, idx);

CREATE TABLE audit_checkpoints (
    school_id TEXT NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, size)
);

-- Checkpoints that devices hold and the record does not agree with.
CREATE TABLE audit_witnesses (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    size BIGINT NOT NULL,
    note BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, size)
);

-- Looks were kept in a table of their own before; they go into the record.
INSERT INTO audit_outbox (school_id, at, id, actor, via, what, ref, reason, outcome)
SELECT school_id, at, id, 'user:' || user_id, origin, 'read.' || what,
    CASE WHEN ref = '' THEN '' ELSE 'alert:' || ref END, '', ''
FROM accesses;

DROP TABLE accesses;
