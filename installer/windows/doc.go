// Package windows holds the tests of the Windows packages: that what Windows
// Installer will read in an .msi is what is meant, that building twice gives the
// same bytes, and that a signature tells tampering. The packages are made by the
// scripts beside it; it has no product code and nothing imports it. What installs
// them under Wine is in the folder test below.
package windows
