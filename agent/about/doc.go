// Package about keeps the school's About page on the device: what is recorded, what
// never is, who is told, and whom to talk to (D20). The collector says what the page
// is (agent/watch hands it over); this package fetches it, keeps a copy of its own,
// and lays one where every user of the device may read it, so that it is true
// without a network too. A copy that somebody removes is there again at the next
// look.
//
//	state folder/about/   the agent's own copy, owner only
//	public folder/        about.txt, about.html and address, for everybody to read
//
// Before a school was heard of, what stands there says so, and names helplines. It
// says nothing about anybody. agent/daemon runs it; the verb `about` reads and opens
// what it keeps.
package about
