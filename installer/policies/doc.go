// Package policies says what browsers on managed devices are asked for, and writes
// it as each browser and system takes it: JSON for Linux, .reg for Windows,
// .mobileconfig for macOS. The folder templates holds what it writes, for whoever
// deploys by Group Policy, Intune, Jamf or Ansible; the command in merge puts it in
// force on a Linux device, and nothing of the agent does.
//
// Encrypted DNS and Encrypted Client Hello hide from the device itself which site
// is visited, so both are off. Private and guest windows are the school's choice,
// and a file of their own. The extension has no place here until there is one.
package policies
