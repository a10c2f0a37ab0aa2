-- Pieces of a large file, whose row in blobs, written after the last of them, holds
-- nothing: one statement with all of a table of names would hold up everything else.
CREATE TABLE blob_parts (
    school_id TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    part BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (school_id, sha256, part)
);
