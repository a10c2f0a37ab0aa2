-- Devices' checks of themselves, about no person: body is what was tried and seen.
CREATE TABLE checks (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    check_id BYTEA NOT NULL,
    spool_epoch BYTEA NOT NULL,
    lane BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    began BIGINT NOT NULL,
    received BIGINT NOT NULL,
    cause TEXT NOT NULL,
    request TEXT NOT NULL,
    of_filter BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (school_id, device, check_id)
);

CREATE INDEX checks_by_device ON checks (school_id, of_filter, device, received);
CREATE INDEX checks_by_time ON checks (school_id, received);

-- What people write on a week's check.
CREATE TABLE check_records (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    week TEXT NOT NULL,
    at BIGINT NOT NULL,
    by_user TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    user_group TEXT NOT NULL,
    account TEXT NOT NULL,
    site TEXT NOT NULL,
    worked BIGINT NOT NULL,
    told TEXT NOT NULL,
    found TEXT NOT NULL,
    done TEXT NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE INDEX check_records_by_week ON check_records (school_id, week);

-- Who looked at a week's check: IT and safeguarding, two people (G19).
CREATE TABLE check_signatures (
    school_id TEXT NOT NULL,
    week TEXT NOT NULL,
    side TEXT NOT NULL,
    by_user TEXT NOT NULL,
    at BIGINT NOT NULL,
    summary TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (school_id, week, side)
);

-- Who was asked to check itself: one device, or every one where device is empty.
-- Only the newest is still carried out.
CREATE TABLE check_requests (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    device TEXT NOT NULL,
    at BIGINT NOT NULL,
    by_user TEXT NOT NULL,
    within_seconds BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

-- Changes of devices that call for a review.
CREATE TABLE check_reviews (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    what TEXT NOT NULL,
    was TEXT NOT NULL,
    is_now TEXT NOT NULL,
    raised BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, what, is_now, raised)
);

CREATE INDEX check_reviews_by_time ON check_reviews (school_id, raised);
