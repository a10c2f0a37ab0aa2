-- A subject's key, wrapped by the secret of an epoch that is not in here. A
-- subject has a row here or in erasures, or is of the time before sealing.
CREATE TABLE subject_keys (
    school_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY (school_id, subject_id)
);

CREATE INDEX subject_keys_by_epoch ON subject_keys (school_id, epoch);

-- check_value tells collectors whether they hold the same secret; handed is the
-- secret, sealed by that of the epoch before, for those which hold that.
CREATE TABLE seal_epochs (
    school_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    check_value BYTEA NOT NULL,
    handed BYTEA NOT NULL,
    begun BIGINT NOT NULL,
    PRIMARY KEY (school_id, epoch)
);

-- Subjects whose key is gone for good. epoch is the one that was begun after it,
-- so that no copy of the database opens the key either; 0: not yet.
CREATE TABLE erasures (
    school_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (school_id, subject_id)
);

-- How far what was stored before sealing has been sealed.
CREATE TABLE seal_progress (
    school_id TEXT NOT NULL,
    what TEXT NOT NULL,
    event_id BYTEA NOT NULL,
    device TEXT NOT NULL,
    done BIGINT NOT NULL,
    PRIMARY KEY (school_id, what)
);
