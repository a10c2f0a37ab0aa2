// Package signing holds the test of `make sign`: what it signs can be verified, by
// our tool and by others', and one byte changed anywhere is noticed. Where the
// public key lies and how a school checks a download is in the README beside it. It
// has no product code and nothing imports it.
package signing
