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
