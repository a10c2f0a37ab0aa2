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

// Store is where subjects are kept.
type Store interface {
	SubjectByAccount(ctx context.Context, school model.SchoolID, account string) (model.Subject, bool, error)
}

// Resolver answers how an account is to be judged.
type Resolver struct{ store Store }

// NewResolver makes a Resolver.
func NewResolver(store Store) *Resolver { return &Resolver{store: store} }

// ResolveAccount tells a device how to judge an account that it has seen: a
// pseudonym, a role and a year, never a name. An account that no roster names
// is not known, whether or not events about it are stored.
func (r *Resolver) ResolveAccount(ctx context.Context, school model.SchoolID, account string, now time.Time) (*safelightv1.ResolveAccountResponse, error) {
	subject, found, err := r.store.SubjectByAccount(ctx, school, account)
	if err != nil {
		return nil, fmt.Errorf("resolving an account: %w", err)
	}
	if !found || !subject.Known {
		return &safelightv1.ResolveAccountResponse{School: string(school), Expires: timestamppb.New(now.Add(unknownFor))}, nil
	}
	return &safelightv1.ResolveAccountResponse{
		Known: true, Pseudonym: subject.ID, Role: string(subject.Role), Year: subject.Year,
		School: string(school), Expires: timestamppb.New(now.Add(knownFor)),
	}, nil
}
