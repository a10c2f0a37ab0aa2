-- Lists of names that rules subscribe to: which version is in force, and how
-- their sources do. Whoever fetches one holds its lease until it runs out.
CREATE TABLE lists (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    current_version BIGINT NOT NULL,
    previous_version BIGINT NOT NULL,
    offered_version BIGINT NOT NULL,
    published_version BIGINT NOT NULL,
    url TEXT NOT NULL,
    etag TEXT NOT NULL,
    modified TEXT NOT NULL,
    checked BIGINT NOT NULL,
    tried BIGINT NOT NULL,
    due BIGINT NOT NULL,
    failing BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    problem TEXT NOT NULL,
    lease_owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

-- Each version's provenance. Its names are in list_chunks, those of the last two;
-- of older ones only what they lost is still there, for a while.
CREATE TABLE list_versions (
    school_id TEXT NOT NULL,
    list TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    fetched BIGINT NOT NULL,
    url TEXT NOT NULL,
    format TEXT NOT NULL,
    licence TEXT NOT NULL,
    maker TEXT NOT NULL,
    imported_by TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    names BIGINT NOT NULL,
    added BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    summary BYTEA NOT NULL,
    PRIMARY KEY (school_id, list, version)
);

-- Names in order, some two thousand a row, packed; part 1 is what the version
-- before had and this one has not. first is the first of them.
CREATE TABLE list_chunks (
    school_id TEXT NOT NULL,
    list TEXT NOT NULL,
    version BIGINT NOT NULL,
    part BIGINT NOT NULL,
    first BYTEA NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (school_id, list, version, part, first)
);
