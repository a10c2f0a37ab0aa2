package weblog

import "bytes"

// parseSquid reads a line of Squid's native access.log:
//
//	1795302901.123    245 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT www.example.org:443 anna HIER_DIRECT/198.51.100.4 -
//	1795302902.456      3 192.0.2.7 TCP_DENIED/403 3900 GET http://example.net/a?b - HIER_NONE/- text/html
//
// that is time, milliseconds taken, client, result/status, bytes, method, URL,
// user, hierarchy/peer, type.
func parseSquid(line []byte) (Entry, error) {
	stamp, rest := field(line)
	at, ok := unixTime(stamp)
	if !ok {
		return Entry{}, errShape
	}
	elapsed, rest := field(rest)
	client, rest := field(rest)
	result, rest := field(rest)
	size, rest := field(rest)
	_, rest = field(rest) // the method
	url, rest := field(rest)
	user, _ := field(rest)
	outcome, status, ok := bytes.Cut(result, []byte("/"))
	if len(user) == 0 || !number(elapsed) || !number(size) || !ok {
		return Entry{}, errShape
	}
	host, err := targetHost(url)
	if err != nil {
		return Entry{}, err
	}
	return Entry{
		Time: at, Host: host, Client: orEmpty(client), User: account(user), Denied: denied(outcome, status),
	}, nil
}

// denied reads Squid's result. 407 asks the browser to sign in, which it then
// does by itself: no refusal.
func denied(outcome, status []byte) bool {
	return bytes.Contains(outcome, []byte("DENIED")) && !bytes.Equal(status, []byte("407"))
}
