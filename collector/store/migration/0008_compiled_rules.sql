-- The files of a version: those that it was made of, as they are written, and the
-- compiled ones that devices get. The files lie in blobs; compiled ones of old
-- versions are removed, sources never.
CREATE TABLE policy_files (
    school_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    compiled BIGINT NOT NULL,
    name TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    PRIMARY KEY (school_id, epoch, serial, compiled, name),
    FOREIGN KEY (school_id, epoch, serial) REFERENCES policy_versions (school_id, epoch, serial)
);

-- The version of each list whose names a version of the rules has.
CREATE TABLE policy_lists (
    school_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    list TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (school_id, epoch, serial, list),
    FOREIGN KEY (school_id, epoch, serial) REFERENCES policy_versions (school_id, epoch, serial)
);
