// Command merge is safelight-browser-policies, which the opt-in Linux package of
// that name installs: it puts browsers' policies in force, says each thing that it
// does, and takes them back. It may be run again at will.
//
//	safelight-browser-policies apply
//	safelight-browser-policies remove
//
// Firefox has one file for everybody's policies, and the school's own come first:
// what stands there is never changed, a policy that the school has set otherwise is
// named and left, and removing takes out what was put in and nothing else. Where
// nobody has written since, the file is then what it was to the byte. What is ours
// is remembered in a file of state. The agent's packages hold none of it.
package main
