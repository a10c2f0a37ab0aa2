-- What became of a run is looked for whenever one calls that is not awake, and, of those
-- that were told to split, when the collector starts.
CREATE INDEX splits_by_parent ON splits (school_id, parent, instance);

CREATE INDEX device_runs_told ON device_runs (school_id, told) WHERE told > 0;
