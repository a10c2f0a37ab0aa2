// Package test installs the Windows packages under Wine and lives through a
// device's life there: installed, enrolled, stopped, upgraded, removed; and a
// collector's. It runs in `make acceptance`; it has no product code and nothing
// imports it. What Wine cannot show stands in docs/limitations.md.
package test
