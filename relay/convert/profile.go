package convert

import (
	"maunium.net/go/mautrix/event"
)

// AddProfile puts the Wazo sender on the content: an MSC4144 per-message profile
// with its fallback, which is the "Name: " that clients without support show.
// id and name are cut to [MaxProfileBytes]; a name of which nothing is left
// becomes that of [ShortUUID]. The profile is a fresh struct at each call.
// If the fallback's HTML would make the event larger than [MaxEventBytes], the
// content goes without formatted body. For an edit, call AddProfile before
// SetEdit.
func AddProfile(c *event.MessageEventContent, id, name string) {
	name = CleanName(name, MaxProfileBytes)
	if name == "" {
		name = ShortUUID(id)
	}
	c.BeeperPerMessageProfile = &event.BeeperPerMessageProfile{
		ID:          TruncateBytes(cleanText(id), MaxProfileBytes),
		Displayname: name,
	}
	c.AddPerMessageProfileFallback()
	if EventSize(c) > MaxEventBytes {
		c.Format, c.FormattedBody = "", ""
	}
}
