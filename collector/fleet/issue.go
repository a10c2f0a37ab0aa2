package fleet

import (
	"context"
	"fmt"
	"slices"

	"safelight/collector/model"
)

// ReadInventory reads an export against the sites that the school has set. Its
// errors are for whoever made the file.
func (f *Fleet) ReadInventory(ctx context.Context, file model.InventoryFile) (model.Inventory, error) {
	sites, err := f.siteNames(ctx)
	if err != nil {
		return model.Inventory{}, err
	}
	return ReadInventory(file, sites)
}

func (f *Fleet) siteNames(ctx context.Context) ([]string, error) {
	sites, err := f.Store.Sites(ctx, f.School)
	if err != nil {
		return nil, fmt.Errorf("reading the school's sites: %w", err)
	}
	var names []string
	for _, s := range sites {
		names = append(names, s.Name)
	}
	return names, nil
}

// PlanInventory says what an import would change, and changes nothing.
func (f *Fleet) PlanInventory(ctx context.Context, in model.Inventory) (model.InventoryChange, error) {
	return f.Store.PlanInventory(ctx, f.School, in, f.Now())
}

// ImportInventory takes an export over, whole or not at all.
func (f *Fleet) ImportInventory(ctx context.Context, in model.Inventory) (model.InventoryChange, error) {
	return f.Store.ImportInventory(ctx, f.School, in, f.Now())
}

// maxExpected is more than any school has of a kind.
const maxExpected = 100_000

// CheckExpected says what is wrong with a number that somebody typed, and gives it
// back with its site as it is set.
func (f *Fleet) CheckExpected(ctx context.Context, e model.Expected) (model.Expected, error) {
	sites, err := f.siteNames(ctx)
	if err != nil {
		return e, err
	}
	switch {
	case !slices.Contains(model.Kinds, e.Kind):
		return e, fmt.Errorf("kind %q: want one of %s", e.Kind, kindList())
	case e.Count < 0 || e.Count > maxExpected:
		return e, fmt.Errorf("count %d: want 0 to %d; 0 takes the number away", e.Count, maxExpected)
	case e.Site == "":
		return e, nil
	}
	if e.Site = siteOf(sites, e.Site); e.Site == "" {
		return e, fmt.Errorf("there is no site of that name; `site set` adds one, `site list` shows them")
	}
	return e, nil
}

// Expect notes how many devices of a kind there are at a site, for what no export
// lists.
func (f *Fleet) Expect(ctx context.Context, e model.Expected) error {
	return f.Store.SetExpected(ctx, f.School, e, f.Now())
}

// Expected lists the numbers that somebody typed.
func (f *Fleet) Expected(ctx context.Context) ([]model.Expected, error) {
	return f.Store.Expected(ctx, f.School)
}
