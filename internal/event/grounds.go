package event

// Grounds are what a verdict rests on beside its rule: how the text was read,
// what else counted, and why it is as grave as it is. A person is shown them with
// the finding.
type Grounds struct {
	// ReadAs is the text as it was read where folding changed it: "self harm" for
	// "s3lf h4rm". How says what was folded, in words.
	ReadAs string   `json:"read_as,omitempty"`
	How    []string `json:"how,omitempty"`
	// Evidence is what else counted towards the category's threshold.
	Evidence []Evidence `json:"evidence,omitempty"`
	// List is the list that the name stands on; empty where a rule names it.
	List       string `json:"list,omitempty"`
	Scope      string `json:"scope,omitempty"`  // whom the rule is for, in words; empty for everybody
	Raised     string `json:"raised,omitempty"` // why it is graver than the rule alone, in words
	Unfiltered bool   `json:"unfiltered,omitempty"`
}

// Evidence is a phrase that counted beside the one that a verdict names.
type Evidence struct {
	Rule   string `json:"rule"`
	Match  string `json:"match"`
	Weight uint32 `json:"weight"`
}
