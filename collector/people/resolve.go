package people

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// knownFor is how long a device may judge by an answer: a change of role
	// reaches every device within a school day.
	knownFor = 8 * time.Hour
	// unknownFor is shorter: the roster may name the account in the next import.
	unknownFor = 10 * time.Minute
)

// Store knows how the roster has an account.
type Store interface {
	KnownAs(ctx context.Context, school model.SchoolID, account string) (model.KnownAs, bool, error)
}

// Resolver answers how an account is to be judged.
type Resolver struct{ store Store }

// NewResolver makes a Resolver.
func NewResolver(store Store) *Resolver { return &Resolver{store: store} }

// ResolveAccount tells a device how to judge an account that it has seen: a
// pseudonym, a role, a year, groups and a site, never a name. An account that the
// roster does not name is not known, whether or not events about it are stored:
// the device judges it by the pupil's scope.
func (r *Resolver) ResolveAccount(ctx context.Context, school model.SchoolID, account string, now time.Time) (*safelightv1.ResolveAccountResponse, error) {
	as, known, err := r.store.KnownAs(ctx, school, account)
	if err != nil {
		return nil, fmt.Errorf("resolving an account: %w", err)
	}
	if !known {
		return &safelightv1.ResolveAccountResponse{School: string(school), Expires: timestamppb.New(now.Add(unknownFor))}, nil
	}
	return &safelightv1.ResolveAccountResponse{
		Known: true, Pseudonym: as.Subject, Role: string(as.Role), Year: as.Year, Groups: as.Groups, Site: as.Site,
		School: string(school), Expires: timestamppb.New(now.Add(knownFor)),
	}, nil
}
