package convert

import "maunium.net/go/mautrix/event"

// AddProfile adds the Wazo sender to the content, as a per-message profile
// (MSC4144) with its fallback: the "Name: " that clients without support show.
// It cuts id and name to [MaxProfileBytes]. If nothing readable is left of the name,
// [ShortUUID] of id takes its place. If the HTML of the fallback would make the event
// larger than [MaxEventBytes], AddProfile removes the formatted body. For an edit,
// call AddProfile before SetEdit.
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
