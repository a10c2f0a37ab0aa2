-- The whole schema, as every migration together leaves it; TestMigratingEndsAtSchema
-- holds the two against each other. The same text serves SQLite and PostgreSQL:
-- times are microseconds since 1970 in UTC as BIGINT (0: not set), flags are
-- BIGINT 0 or 1, whatever may one day be sealed is BYTEA. No column has a clock.

CREATE TABLE schools (
    school_id TEXT NOT NULL,
    name TEXT NOT NULL,
    trial BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (school_id)
);

-- Whom events are about. name is the account and the name, sealed with the
-- subject's key. account and bare are keyed hashes, to find the subject by and to
-- tell whether a user is the subject: of the account, and of it without its
-- domain. A subject with no account is a device with nobody known, so device is
-- part of the key.
CREATE TABLE subjects (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    device TEXT NOT NULL,
    bare TEXT NOT NULL,
    name BYTEA NOT NULL,
    role TEXT NOT NULL,
    year TEXT NOT NULL,
    known BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, account, device)
);

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

-- A roster is laid down here in chunks and switched over in one short
-- transaction: ids of subjects that are there, and their columns to be.
CREATE TABLE roster_rows (
    school_id TEXT NOT NULL,
    import TEXT NOT NULL,
    account TEXT NOT NULL,
    bare TEXT NOT NULL,
    id TEXT NOT NULL,
    name BYTEA NOT NULL,
    role TEXT NOT NULL,
    year TEXT NOT NULL,
    PRIMARY KEY (school_id, import, account)
);

CREATE TABLE users (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    duty TEXT NOT NULL,
    account TEXT NOT NULL,
    trial BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    password_hash TEXT NOT NULL,
    link_hash BYTEA,
    link_expires BIGINT NOT NULL,
    token_hash BYTEA,
    failures BIGINT NOT NULL,
    last_failure BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, email),
    UNIQUE (school_id, name)
);

CREATE TABLE sessions (
    school_id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    user_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (school_id, hash),
    FOREIGN KEY (school_id, user_id) REFERENCES users (school_id, id)
);

CREATE TABLE tokens (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    site TEXT NOT NULL,
    uses BIGINT NOT NULL,
    used BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, hash)
);

-- What else is known of an enrolment token: who made it, as the record names them, and
-- when somebody ended it before its time; nought: nobody did. One that was made by an
-- earlier version has no row until it is ended.
CREATE TABLE token_terms (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    maker TEXT NOT NULL,
    ended BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE TABLE devices (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    version TEXT NOT NULL,
    site TEXT NOT NULL,
    enrolled BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    key_hash BYTEA NOT NULL,
    revoked BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

-- body is what was seen, the rule and the digest of the record, sealed with the
-- subject's key; the columns rule and digest are of the time before, empty since. The account stands
-- only in subjects. An event's lane is its severity. Ids are
-- made in the order of time, so the key begins with them: new events of all
-- devices go to the same few pages.
CREATE TABLE events (
    school_id TEXT NOT NULL,
    event_id BYTEA NOT NULL,
    device TEXT NOT NULL,
    spool_epoch BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    observed BIGINT NOT NULL,
    received BIGINT NOT NULL,
    late BIGINT NOT NULL,
    subject_id TEXT NOT NULL,
    severity BIGINT NOT NULL,
    category TEXT NOT NULL,
    rule TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (school_id, event_id, device)
);

CREATE INDEX events_by_received ON events (school_id, received);

-- What the gatherer has yet to look at. Its key is the order in which it looks:
-- one severity, then by turn. A device's next event gets a turn after its last
-- one, so that going by turn is fair to all devices, and the new rows of all
-- devices go to the same few pages.
CREATE TABLE pending (
    school_id TEXT NOT NULL,
    severity BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    event_id BYTEA NOT NULL,
    device TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    PRIMARY KEY (school_id, severity, turn, event_id, device)
);

CREATE TABLE gaps (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    spool_epoch BYTEA NOT NULL,
    lane BIGINT NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, spool_epoch, lane, from_seq)
);

-- Up to where a device's records of a lane are held without a hole: written some
-- seconds late, so that it may be less than what is held and is never more.
CREATE TABLE positions (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    spool_epoch BYTEA NOT NULL,
    lane BIGINT NOT NULL,
    upto BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, spool_epoch, lane)
);

CREATE TABLE health (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    health_id BYTEA NOT NULL,
    spool_epoch BYTEA NOT NULL,
    lane BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    at BIGINT NOT NULL,
    received BIGINT NOT NULL,
    topic TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (school_id, device, health_id)
);

CREATE INDEX health_by_received ON health (school_id, received);

CREATE TABLE alerts (
    school_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    category TEXT NOT NULL,
    severity BIGINT NOT NULL,
    state TEXT NOT NULL,
    events BIGINT NOT NULL,
    raised BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    device TEXT NOT NULL,
    late BIGINT NOT NULL,
    first_read BIGINT NOT NULL,
    read_by TEXT NOT NULL,
    acknowledged BIGINT NOT NULL,
    acknowledged_by TEXT NOT NULL,
    PRIMARY KEY (school_id, ref),
    FOREIGN KEY (school_id, subject_id) REFERENCES subjects (school_id, id)
);

CREATE INDEX alerts_by_subject ON alerts (school_id, subject_id, category, last_at);
CREATE INDEX alerts_by_raised ON alerts (school_id, raised);

CREATE TABLE alert_events (
    school_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    device TEXT NOT NULL,
    event_id BYTEA NOT NULL,
    PRIMARY KEY (school_id, ref, device, event_id),
    FOREIGN KEY (school_id, ref) REFERENCES alerts (school_id, ref)
);

-- Held alerts whose subject a roster has since named a pupil: the gatherer
-- opens them, and tells.
CREATE TABLE releases (
    school_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    PRIMARY KEY (school_id, ref)
);

CREATE TABLE notifications (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    ref TEXT NOT NULL,
    user_id TEXT NOT NULL,
    why TEXT NOT NULL,
    channel TEXT NOT NULL,
    created BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    tried BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, ref) REFERENCES alerts (school_id, ref),
    FOREIGN KEY (school_id, user_id) REFERENCES users (school_id, id)
);

CREATE INDEX notifications_by_alert ON notifications (school_id, ref);

CREATE TABLE policy_versions (
    school_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    issued BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    manifest BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (school_id, epoch, serial)
);

CREATE TABLE blobs (
    school_id TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (school_id, sha256)
);

-- Pieces of a large file, whose row in blobs, written after the last of them, holds
-- nothing: one statement with all of a table of names would hold up everything else.
CREATE TABLE blob_parts (
    school_id TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    part BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (school_id, sha256, part)
);

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

-- Polled by every collector: a topic's number grows in the transaction that
-- changed something.
CREATE TABLE changes (
    school_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (school_id, topic)
);

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

-- What the numbers of a trial were of, by pseudonym, for a month: a later trial that
-- differs by few pupils is told the same.
CREATE TABLE trial_answers (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    answers BYTEA NOT NULL,
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

-- Runs of agents, by the name that each gives itself: of several with one key, which
-- was known first. told is when it was told to become a device of its own; nought: it
-- was not.
CREATE TABLE device_runs (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    instance BYTEA NOT NULL,
    arrived BIGINT NOT NULL,
    heard BIGINT NOT NULL,
    told BIGINT NOT NULL,
    PRIMARY KEY (school_id, device, instance)
);

CREATE INDEX device_runs_by_heard ON device_runs (school_id, heard);

-- Devices that were copies: which device each came of, and origin, the first of that
-- family, which the bounds are counted for.
CREATE TABLE splits (
    school_id TEXT NOT NULL,
    device TEXT NOT NULL,
    parent TEXT NOT NULL,
    origin TEXT NOT NULL,
    instance BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, device)
);

CREATE INDEX splits_by_origin ON splits (school_id, origin, at);

-- Leave for more copies of a family to become devices of their own than the bounds let
-- through, for a day.
CREATE TABLE split_leave (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    more BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE INDEX split_leave_by_origin ON split_leave (school_id, origin, at);

-- What became of a run is looked for whenever one calls that is not awake, and, of those
-- that were told to split, when the collector starts.
CREATE INDEX splits_by_parent ON splits (school_id, parent, instance);

CREATE INDEX device_runs_told ON device_runs (school_id, told) WHERE told > 0;
