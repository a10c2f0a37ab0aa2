package about

// What a desktop shows once a sign-in.
const (
	notifyTitle = "Safelight is on this computer"
	notifyText  = "It looks out for signs that someone may need help. The menu has “Safelight: what this device records”."
)
