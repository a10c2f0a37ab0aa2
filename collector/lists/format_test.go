package lists

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// readAll reads a list's text and returns its names by the alphabet.
func readAll(format, member, text string, limits Limits) ([]string, Summary, error) {
	var names []string
	keep := func(key []byte) error { names = append(names, nameOf(key)); return nil }
	in := newIntake(limits, (&subscribed{protected: []string{"protected.example"}}).IsProtected, keep)
	err := read(strings.NewReader(text), format, member, limits, in)
	names = slices.DeleteFunc(names, func(n string) bool { return in.isExcepted(keyOf(n)) })
	slices.Sort(names)
	return slices.Compact(names), in.summary, err
}

// said are a summary's reasons with their first lines.
func said(s Summary) string {
	var all []string
	for _, k := range s.Skipped {
		all = append(all, fmt.Sprintf("%s x%d %v", k.Reason, k.Count, k.Lines))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func TestFormatsFindTheNamesAndSayWhatTheyLeaveOut(t *testing.T) {
	for _, c := range []struct{ what, format, member, text, names, skipped string }{
		{
			"plain names", "domains", "",
			"\xef\xbb\xbf# comment\r\nExample.ORG\r\n*.wild.example\n.dotted.example # why\nend.example.\n\n192.0.2.1\nlocalhost\nhttp://page.example/x\nbücher.example\nlast.example",
			"dotted.example end.example example.org last.example wild.example xn--bcher-kva.example",
			"a name of one label x1 [8]; an address, not a name x1 [7]; not a host name x1 [9]",
		},
		{
			"hosts", "hosts", "",
			"# comment\n127.0.0.1 localhost\n0.0.0.0 a.example b.example # both\n::1 c.example\nd.example\n0.0.0.0 0.0.0.0\n",
			"a.example b.example c.example",
			"a name of one label x1 [2]; an address, not a name x1 [6]; no address and name x1 [5]",
		},
		{
			"adblock", "adblock", "",
			"[Adblock Plus 2.0]\n! comment\n||a.example^\n||b.example^$important,all\n||c.example^$third-party\n||d.example/banner\n||e.*^\n/banner/\n" +
				"f.example##.ad\n@@||good.a.example^\n||good.a.example^\n||deep.good.a.example^\n||*.g.example^\n||h.example\n@@||i.example^$generichide\n#@#.x\n",
			"a.example b.example g.example",
			"a pattern, not a site x3 [7 8 14]; about parts of pages x2 [9 16]; about single pages x1 [6]; an exception: its name was taken out x1 [10]; holds under conditions x2 [5 15]",
		},
		{
			"rpz", "rpz", "",
			"$TTL 300\n$ORIGIN rpz.lists.example.\n@ SOA ns.lists.example. admin.lists.example. (\n  1 3600\n  600 86400 60 )\n  NS ns.lists.example.\n" +
				"a.example CNAME .\n*.a.example CNAME .\nb.example.rpz.lists.example. 60 IN CNAME *.\nc.example A 192.0.2.1\nd.example CNAME rpz-passthru.\nsub.d.example CNAME . ; why\n" +
				"8.0.0.0.10.rpz-ip CNAME .\nns.x.rpz-nsdname CNAME .\n$INCLUDE other.zone\ne.example\nf.example CNAME rpz-drop.\n",
			"a.example b.example c.example f.example",
			"about addresses or name servers x2 [13 14]; an exception: its name was taken out x1 [11]; an instruction to a name server x1 [15]; cannot be read x1 [16]",
		},
		{
			"csv by title", "csv", "Domain",
			"id,domain,why\n1,a.example,x\n2,\"b.example\",\"says \"\"this\"\", that\"\n3\n4,\"open.example,y\n5,,z\n",
			"a.example b.example", "cannot be read x1 [5]; too few columns x1 [4]",
		},
		{"csv by number", "csv", "2", "x;a.example\ny;b.example\n", "a.example b.example", ""},
		{
			"what nothing may flag", "domains", "",
			"co.uk\nblogspot.com\ncom.au\nmy.blogspot.com\nwww.childline.org.uk\nsamaritans.org\nprotected.example\nsub.protected.example\nunprotected.example\n",
			"my.blogspot.com unprotected.example",
			"a helpline x2 [5 6]; a name that holds everybody's sites x3 [1 2 3]; protected: nothing may flag it x2 [7 8]",
		},
		{"a line without end", "domains", "", "a.example\n" + strings.Repeat("x", 200_000) + "\nb.example\n", "a.example b.example", "a line of over 4096 bytes x1 [2]"},
	} {
		t.Run(c.what, func(t *testing.T) {
			names, summary, err := readAll(c.format, c.member, c.text, DefaultLimits)
			must(t, err)
			if got := strings.Join(names, " "); got != c.names {
				t.Errorf("names: %s\nwant:  %s", got, c.names)
			}
			if got := said(summary); got != c.skipped {
				t.Errorf("skipped: %s\nwant:    %s", got, c.skipped)
			}
		})
	}
}

func TestG01NoListHoldsAHelpline(t *testing.T) {
	for format, line := range map[string]string{
		"domains": "%s\n*.%s\nwww.%s\n", "hosts": "0.0.0.0 %s\n0.0.0.0 x.%s\n0.0.0.0 www.%s\n",
		"adblock": "||%s^\n||*.%s^\n||www.%s^\n", "rpz": "%s CNAME .\n*.%s CNAME .\nwww.%s CNAME .\n",
	} {
		for _, help := range []string{"childline.org.uk", "SAMARITANS.org", "111.nhs.uk."} {
			names, summary, err := readAll(format, "", fmt.Sprintf(line, help, help, help), DefaultLimits)
			if err != nil || len(names) != 0 || len(summary.Skipped) != 1 || summary.Skipped[0].Reason != Helpline {
				t.Errorf("%s, %s: %v, %s, %v", format, help, names, said(summary), err)
			}
		}
	}
}

func TestG05NoListHoldsAProtectedSite(t *testing.T) {
	names, summary, err := readAll("domains", "", "protected.example\nwww.protected.example\n", DefaultLimits)
	if err != nil || len(names) != 0 || said(summary) != "protected: nothing may flag it x2 [1 2]" {
		t.Errorf("%v, %s, %v", names, said(summary), err)
	}
}

func packed(text []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(text)
	_ = z.Close()
	return out.Bytes()
}

func archive(files map[string]string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range []string{"blacklists/adult/domains", "blacklists/adult/urls", "blacklists/games/domains.gz", "blacklists/dating/domains"} {
		if text, ok := files[name]; ok {
			_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o600})
			_, _ = w.Write([]byte(text))
		}
	}
	_ = w.Close()
	return out.Bytes()
}

func TestArchivesGiveTheFolderThatIsMeant(t *testing.T) {
	all := map[string]string{
		"blacklists/adult/domains": "a.example\nb.example\n", "blacklists/adult/urls": "c.example/x\n",
		"blacklists/games/domains.gz": string(packed([]byte("g.example\n"))), "blacklists/dating/domains": "d.example\n",
	}
	for member, want := range map[string]string{"adult": "a.example b.example", "adult/domains": "a.example b.example", "blacklists/adult": "a.example b.example", "games": "g.example"} {
		for what, text := range map[string][]byte{"plain": archive(all), "packed": packed(archive(all))} {
			names, _, err := readAll(squidguard, member, string(text), DefaultLimits)
			if got := strings.Join(names, " "); got != want || err != nil {
				t.Errorf("%s of a %s archive: %s, %v", member, what, got, err)
			}
		}
	}
	_, _, err := readAll(squidguard, "violence", string(archive(all)), DefaultLimits)
	wantError(t, err, "no violence/domains", `"adult"`, `"games"`)
	_, _, err = readAll(squidguard, "adult", "a.example\n", DefaultLimits)
	wantError(t, err, "reading the archive")
	_, _, err = readAll(squidguard, "", string(archive(all)), DefaultLimits)
	wantError(t, err, "member")
}

func TestAListThatUnpacksWithoutEndIsRefused(t *testing.T) {
	bomb := packed(bytes.Repeat([]byte("\n"), 24<<20))
	_, _, err := readAll("domains", "", string(bomb), DefaultLimits)
	if !errors.Is(err, ErrBomb) {
		t.Errorf("a file of 24 MB in %d bytes: %v", len(bomb), err)
	}
	inner := archive(map[string]string{"blacklists/games/domains.gz": string(bomb)})
	if _, _, err = readAll(squidguard, "games", string(inner), DefaultLimits); !errors.Is(err, ErrBomb) {
		t.Errorf("within an archive: %v", err)
	}
	small := DefaultLimits
	small.Text = 1000
	if _, _, err = readAll("domains", "", numbered(0, 1000), small); !errors.Is(err, ErrBomb) {
		t.Errorf("a plain file beyond its bound: %v", err)
	}
	small = DefaultLimits
	small.Names = 999
	_, _, err = readAll("domains", "", numbered(0, 1000), small)
	wantError(t, err, "over 999 names")
	if names, _, err := readAll("domains", "", string(packed([]byte(numbered(0, 1000)))), DefaultLimits); err != nil || len(names) != 1000 {
		t.Errorf("an honest packed file: %d names, %v", len(names), err)
	}
	_, _, err = readAll("domains", "", string(packed([]byte("a.example\n"))[:12]), DefaultLimits)
	wantError(t, err, io.ErrUnexpectedEOF.Error())
}

func TestAWrongSubscriptionSaysHowToMendIt(t *testing.T) {
	for _, c := range []struct{ format, member, text, says string }{
		{"text", "", "a.example\n", "adblock, csv, domains, hosts, rpz, squidguard"},
		{"csv", "", "a.example\n", "which column"},
		{"csv", "0", "a.example\n", "1 to 1000"},
		{"csv", "site", "id,domain\n1,a.example\n", `no column "site"`},
	} {
		_, _, err := readAll(c.format, c.member, c.text, DefaultLimits)
		wantError(t, err, c.says)
	}
}
