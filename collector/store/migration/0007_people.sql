CREATE INDEX subjects_by_bare ON subjects (school_id, bare);

-- The roster in force, by the id of its import. Whoever is known and not among
-- its people has left; where there is no row, nobody has.
CREATE TABLE rosters (
    school_id TEXT NOT NULL,
    import TEXT NOT NULL,
    at BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (school_id)
);

-- Rows of the roster in force, and while one is imported of the next: laid down in
-- chunks under its id, and in force when rosters says so.
CREATE TABLE roster_people (
    school_id TEXT NOT NULL,
    import TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    key_stage TEXT NOT NULL,
    site TEXT NOT NULL,
    PRIMARY KEY (school_id, import, subject_id)
);

CREATE TABLE roster_groups (
    school_id TEXT NOT NULL,
    import TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (school_id, import, subject_id, name)
);

-- Who is never told of whom (G3), both ways round. Whatever import a row is of, it
-- counts: those of people who left stay.
CREATE TABLE connections (
    school_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    other_id TEXT NOT NULL,
    import TEXT NOT NULL,
    PRIMARY KEY (school_id, subject_id, other_id, import)
);

-- networks and resolvers are separated by spaces.
CREATE TABLE sites (
    school_id TEXT NOT NULL,
    name TEXT NOT NULL,
    networks TEXT NOT NULL,
    resolvers TEXT NOT NULL,
    unfiltered BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (school_id, name)
);

CREATE TABLE timetables (
    school_id TEXT NOT NULL,
    name TEXT NOT NULL,
    source BYTEA NOT NULL,
    imported BIGINT NOT NULL,
    PRIMARY KEY (school_id)
);

-- Leave for a class from a category until a time; ended early where ended is set.
CREATE TABLE exemptions (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    given_by TEXT NOT NULL,
    duty TEXT NOT NULL,
    class TEXT NOT NULL,
    category TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    bell TEXT NOT NULL,
    ended BIGINT NOT NULL,
    ended_by TEXT NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE INDEX exemptions_by_time ON exemptions (school_id, until);

-- What devices are sent beside the policy, signed, the newest of each name.
CREATE TABLE overlays (
    school_id TEXT NOT NULL,
    name TEXT NOT NULL,
    serial BIGINT NOT NULL,
    issued BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    body BYTEA NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (school_id, name)
);
