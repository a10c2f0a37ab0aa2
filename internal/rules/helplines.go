package rules

// helplines are sites where people find help or report harm. A visit to one, or
// to a name beneath it, is never flagged, counted, logged or shown (G1). The
// list is compiled in, so that no pack, no school and no mistake can change it.
var helplines = set(
	// Children and young people.
	"childline.org.uk", "nspcc.org.uk", "kooth.com", "themix.org.uk", "youngminds.org.uk", "giveusashout.org",
	"meiccymru.org", "childrens1st.org.uk", "childline.ie", "spunout.ie", "jigsaw.ie", "hopeagain.org.uk",
	"winstonswish.org", "runawayhelpline.org.uk", "missingpeople.org.uk", "barnardos.org.uk", "childrenssociety.org.uk",
	"familylives.org.uk", "stem4.org.uk", "chathealth.nhs.uk", "annafreud.org", "coram.org.uk",
	"actionforchildren.org.uk", "kidshelpphone.ca", "kidshelpline.com.au",
	"childhelplineinternational.org", "childhelp.org", "nightline.ac.uk", "studentminds.org.uk", "myh.org.uk",
	// Suicide, self-harm, mental health.
	"samaritans.org", "papyrus-uk.org", "maytree.org.uk", "thecalmzone.net", "sossilenceofsuicide.org",
	"spuk.org.uk", "stayingsafe.net", "stayalive.app", "prevent-suicide.org.uk", "uksobs.org", "harmless.org.uk",
	"selfharm.co.uk", "selfinjurysupport.org.uk", "lifesigns.org.uk", "calmharm.co.uk", "mind.org.uk", "rethink.org",
	"sane.org.uk", "supportline.org.uk", "hubofhope.co.uk", "breathingspace.scot", "lifelinehelpline.info",
	"111.nhs.uk", "111.wales.nhs.uk", "nhs24.scot", "nopanic.org.uk", "anxietyuk.org.uk", "mentalhealth.org.uk",
	"cruse.org.uk", "griefencounter.org.uk", "pieta.ie", "befrienders.org", "findahelpline.com", "988lifeline.org",
	"suicidepreventionlifeline.org", "crisistextline.org", "thetrevorproject.org", "lifeline.org.au",
	"iasp.info", "jedfoundation.org", "afsp.org",
	// Eating disorders.
	"beateatingdisorders.org.uk", "talk-ed.org.uk", "firststepsed.co.uk", "seedeatingdisorders.org.uk",
	"bodywhys.ie", "nationaleatingdisorders.org",
	// Abuse, exploitation, sexual violence, images.
	"ceop.police.uk", "ceopeducation.co.uk", "thinkuknow.co.uk", "iwf.org.uk", "stopitnow.org.uk",
	"lucyfaithfull.org.uk", "shorespace.org.uk", "reportharmfulcontent.com", "saferinternet.org.uk", "childnet.com",
	"internetmatters.org", "stopncii.org", "revengepornhelpline.org.uk", "takeitdown.ncmec.org", "missingkids.org",
	"refuge.org.uk", "nationaldahelpline.org.uk", "womensaid.org.uk", "welshwomensaid.org.uk", "womensaid.scot",
	"mensadviceline.org.uk", "mankind.org.uk", "respect.org.uk", "respectphoneline.org.uk", "safelives.org.uk",
	"rapecrisis.org.uk", "rapecrisisscotland.org.uk", "thesurvivorstrust.org", "survivorsuk.org", "napac.org.uk",
	"victimsupport.org.uk", "galop.org.uk", "karmanirvana.org.uk", "ikwro.org.uk", "southallblacksisters.org.uk",
	"paladinservice.co.uk", "suzylamplugh.org", "modernslaveryhelpline.org", "unseenuk.org", "nationalfgmcentre.org.uk",
	"rainn.org", "thehotline.org", "mariecollinsfoundation.org.uk",
	// Bullying, hate, extremism, crime.
	"nationalbullyinghelpline.co.uk", "anti-bullyingalliance.org.uk", "bullying.co.uk", "kidscape.org.uk",
	"antibullyingpro.com", "ditchthelabel.org", "tellmamauk.org", "cst.org.uk",
	"report-it.org.uk", "stophateuk.org", "actearly.uk", "educateagainsthate.com", "crimestoppers-uk.org", "fearless.org",
	// Alcohol, drugs, gambling, families.
	"talktofrank.com", "wearewithyou.org.uk", "drinkaware.co.uk", "drugwise.org.uk", "release.org.uk", "adfam.org.uk",
	"nacoa.org.uk", "al-anonuk.org.uk", "alcoholics-anonymous.org.uk", "ukna.org", "changegrowlive.org",
	"turning-point.co.uk", "dan247.org.uk", "re-solv.org", "gamcare.org.uk", "gambleaware.org",
	"begambleaware.org", "gamblersanonymous.org.uk", "ygam.org", "gordonmoody.org.uk", "gamstop.co.uk",
	"bigdeal.org.uk",
	// Who somebody is, and being heard.
	"switchboard.lgbt", "lgbt.foundation", "mermaidsuk.org.uk", "mindout.org.uk", "akt.org.uk", "signhealth.org.uk",
	"sikhhelpline.com", "muslimyouth.net", "jamiuk.org", "thesilverline.org.uk", "shelter.org.uk", "centrepoint.org.uk",
	"protect-advice.org.uk",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// IsHelpline reports whether host is a helpline's site or beneath one. Sources
// ask it before they keep, count or show anything.
func IsHelpline(host string) (found bool) {
	name, err := cleanHost(host)
	if err != nil {
		return false
	}
	parents(name, func(name string) bool {
		found = helplines[name]
		return !found
	})
	return found
}
