// Package pkg writes flat component packages of macOS, the files that end in
// .pkg, on any system and with the standard library alone: a xar archive that
// holds PackageInfo, Bom (the bill of materials that the Installer keeps as its
// receipt), and Payload and Scripts, gzip'd cpio archives of the portable (odc)
// form. The same input gives the same bytes.
//
// The formats are not written down by their maker; this follows what is publicly
// known of them. What it writes is read back by bsdtar and by a reader of its own
// in the tests. Apple's Installer has never seen one: such packages are
// experimental, and unsigned (docs/macos-release.md says how a release is made
// on a Mac). Only installer/macos/mkpkg imports it.
package pkg
