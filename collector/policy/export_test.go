package policy

// TrialWindow lets a test hold it against the gatherer's.
const TrialWindow = trialWindow
