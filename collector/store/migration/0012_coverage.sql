-- What a device last said of itself: some minutes late, many written at once.
CREATE TABLE device_status (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    said BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (school_id, device)
);

-- What a device's firmware says it is, so that one whose disk was wiped is the
-- same device again.
CREATE TABLE device_hardware (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    serial TEXT NOT NULL,
    hardware_id TEXT NOT NULL,
    PRIMARY KEY (school_id, device)
);

CREATE INDEX device_hardware_by_serial ON device_hardware (school_id, serial);
CREATE INDEX device_hardware_by_id ON device_hardware (school_id, hardware_id);

-- Keys that devices had before they were set up anew: nothing is taken from them
-- though their certificates have not ended.
CREATE TABLE ended_keys (
    school_id TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    device TEXT NOT NULL,
    ended BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (school_id, key_hash, device)
);

-- The exports of device management in force, one of each source, by the id of its
-- import.
CREATE TABLE inventories (
    school_id TEXT NOT NULL,
    source TEXT NOT NULL,
    import TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, source)
);

-- Rows of the exports in force, and while one is imported of the next: laid down
-- in chunks, and in force when inventories says so. gone is since when an export
-- no longer has it; such rows are carried from import to import.
CREATE TABLE issued (
    school_id TEXT NOT NULL,
    import TEXT NOT NULL,
    match_key TEXT NOT NULL,
    serial TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    site TEXT NOT NULL,
    device_group TEXT NOT NULL,
    added BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    PRIMARY KEY (school_id, import, match_key)
);

-- Numbers of devices that somebody typed, for what no export lists.
CREATE TABLE expected (
    school_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    site TEXT NOT NULL,
    count BIGINT NOT NULL,
    in_log BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (school_id, kind, site)
);
