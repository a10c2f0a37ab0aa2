package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/cli"
	"safelight/internal/packdir"
)

// named rules are a serial, a proposal or what is in force; anything else is a
// folder. A folder of such a name is written ./3.
var namedRules = regexp.MustCompile(`^(P-[0-9A-Za-z]+|[0-9]+(\.[0-9]+)?|in-force)$`)

// sideOf reads a folder, or names what the collector holds.
func sideOf(arg string) (admin.RulesSide, error) {
	if namedRules.MatchString(arg) {
		return admin.RulesSide{Name: strings.Replace(arg, "p-", "P-", 1)}, nil
	}
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		if _, err := packdir.Read(arg); err != nil {
			return admin.RulesSide{}, fmt.Errorf("%w; or name a serial (`rules history`) or a proposal (`rules proposals`)", err)
		}
	}
	files, err := packdir.Read(arg)
	return admin.RulesSide{Name: arg, Files: files}, err
}

// sayReview prints what changes, a line each, with what it is about.
func sayReview(w io.Writer, r model.RuleReview) error {
	var out strings.Builder
	if len(r.Changes) == 0 {
		out.WriteString("  nothing that judges or is read differs\n")
	}
	for _, c := range r.Changes {
		mark := ""
		switch {
		case c.Lowers:
			mark = " [lowers]"
		case c.Widens:
			mark = " [widens]"
		}
		fmt.Fprintf(&out, "  %s%s%s\n", c.Text, mark, itemsOf(c))
	}
	if len(r.Strange) > 0 {
		out.WriteString(strange(r.Strange))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// strange says what scopes name that the school does not have. It refuses nothing.
func strange(lines []string) string {
	return "Look at these: the school does not have them.\n  " + strings.Join(lines, "\n  ") + "\n"
}

// itemsShown bounds what a line names; --json names everything.
const itemsShown = 12

func itemsOf(c model.RuleChange) string {
	if len(c.Items) == 0 || c.What == "wording" || strings.HasPrefix(c.What, "roles") {
		return ""
	}
	items := c.Items[:min(len(c.Items), itemsShown)]
	text := ": " + strings.Join(items, "; ")
	if more := len(c.Items) - len(items); more > 0 {
		text += fmt.Sprintf("; and %d more (--json names them)", more)
	}
	return text
}

func decode[Doc any](line json.RawMessage) (doc Doc, err error) {
	if err = json.Unmarshal(line, &doc); err != nil {
		err = fmt.Errorf("reading the collector's answer: %w", err)
	}
	return doc, err
}

func rulesProposeVerb() cli.Command {
	return adminVerb{
		name: "rules propose", args: "DIR|SERIAL --as WHO --reason WHY [--necessity TEXT]", call: "rules/propose",
		short:   "Propose rules for a DSL to publish; nothing changes until then.",
		example: `safelight-collector rules propose rules --as "Demo IT" --reason "Allow a book that year 9 reads"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", "who proposes: the sign-in token of IT, a DSL or a deputy, or in a trial school their name")
			reason := fs.String("reason", "", "why; kept with the proposal")
			necessity := fs.String("necessity", "", "where more is looked at than before: why that is needed, and why less would not do")
			return func(args []string) (any, error) {
				if len(args) != 1 || *as == "" || strings.TrimSpace(*reason) == "" {
					return nil, cli.Usagef("want one folder of rules, or a serial, and --as WHO and --reason WHY")
				}
				side, err := sideOf(args[0])
				return admin.RulesPropose{RulesSide: side, As: *as, Reason: *reason, Necessity: *necessity}, err
			}
		},
		say: func(w io.Writer, line json.RawMessage) error {
			d, err := decode[admin.RulesProposed](line)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "Proposed %s over %s. It:\n", d.Proposal, d.Over)
			if err := sayReview(w, d.Review); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w, "Next: a DSL%s looks at it (`rules show %s`), tries it (`rules try %s --since 30d`) and publishes it (`rules publish %s`).\n", other(d.Review), d.Proposal, d.Proposal, d.Proposal)
			return err
		},
	}.command()
}

func other(r model.RuleReview) string {
	if r.Lowering || r.Widening {
		return " who is somebody else"
	}
	return ""
}

func rulesProposalsVerb() cli.Command {
	return adminVerb{
		name: "rules proposals", short: "List what was proposed, and what became of it.", call: "rules/proposals",
		example: "safelight-collector rules proposals", request: nothing,
		say: sayAs("%s\t%s\t%s\t%s\t%s\t%s\n", func(d admin.ProposalLine) []any {
			became := d.State
			if d.Became != "" {
				became += " as " + d.Became
			}
			if d.DecidedBy != "" {
				became += " by " + d.DecidedBy
			}
			return []any{d.Proposal, when(d.At), d.By, became, "over " + d.Over, strings.ReplaceAll(d.Reason, "\n", " ")}
		}),
	}.command()
}

func rulesWithdrawVerb() cli.Command {
	return adminVerb{
		name: "rules withdraw", args: "PROPOSAL --as WHO --reason WHY", short: "Withdraw a proposal; it stays on record.", call: "rules/withdraw",
		example: `safelight-collector rules withdraw P-7KQ2M4XT --as "Demo IT" --reason "A slip"`,
		request: decideOn("one proposal"), say: sayDone,
	}.command()
}

// decideOn reads one name, --as and --reason.
func decideOn(what string) func(fs *flag.FlagSet) func([]string) (any, error) {
	return func(fs *flag.FlagSet) func([]string) (any, error) {
		as := fs.String("as", "", "who decides: a sign-in token, or in a trial school a trial user's name")
		reason := fs.String("reason", "", "why; kept on record")
		return func(args []string) (any, error) {
			if len(args) != 1 || *as == "" || strings.TrimSpace(*reason) == "" {
				return nil, cli.Usagef("want %s, --as WHO and --reason WHY", what)
			}
			return admin.RulesDecide{Name: args[0], As: *as, Reason: *reason}, nil
		}
	}
}

func rulesPublishVerb() cli.Command {
	return adminVerb{
		name: "rules publish", args: "DIR|PROPOSAL --as WHO --reason WHY", call: "rules/publish",
		short:   "Check rules, sign them and bring them into force on every device.",
		example: `safelight-collector rules publish packs --as "Demo DSL" --reason "First rules"`,
		request: func(fs *flag.FlagSet) func([]string) (any, error) {
			as := fs.String("as", "", "who publishes: a DSL's sign-in token, or in a trial school their name")
			reason := fs.String("reason", "", "why; kept with the version")
			return func(args []string) (any, error) {
				if len(args) != 1 || *as == "" || strings.TrimSpace(*reason) == "" {
					return nil, cli.Usagef("want one folder of rules or a proposal, --as WHO and --reason WHY")
				}
				side, err := sideOf(args[0])
				return admin.RulesPublish{Name: side.Name, Files: side.Files, As: *as, Reason: *reason}, err
			}
		},
		say: sayPublished,
	}.command()
}

func sayPublished(w io.Writer, line json.RawMessage) error {
	d, err := decode[admin.RulesPublished](line)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Published rules %d.%d. Devices that are connected have them within a second.\n", d.Epoch, d.Serial)
	if d.Review == nil {
		return nil
	}
	fmt.Fprintf(w, "Compared with %s, it:\n", d.Review.From)
	return sayReview(w, *d.Review)
}

func rulesRollbackVerb() cli.Command {
	return adminVerb{
		name: "rules rollback", args: "SERIAL --as WHO --reason WHY", call: "rules/rollback",
		short:   "Publish the rules of an earlier version again, under a new serial.",
		example: `safelight-collector rules rollback 3 --as "Demo DSL" --reason "It hid too much"`,
		request: decideOn("one serial (`rules history` lists them)"), say: sayPublished,
	}.command()
}
