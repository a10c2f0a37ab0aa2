-- What the numbers of a trial were of, by pseudonym, for a month: a later trial that
-- differs by few pupils is told the same.
CREATE TABLE trial_answers (
    school_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    answers BYTEA NOT NULL,
    PRIMARY KEY (school_id, id)
);
