package convert

import "maunium.net/go/mautrix/event"

// AddProfile adds the Wazo sender to the content, as a per-message profile
// (MSC4144) with its fallback: the "Name: " that clients without support show.
// It cuts id and name to [MaxProfileBytes]. If nothing readable is left of the name,
// [ShortUUID] of id takes its place. If the HTML of the fallback would make the event
// larger than [MaxEventBytes], AddProfile removes the formatted body. For an edit,
// call AddProfile before SetEdit.
func AddProfile(c *event.MessageEventContent, id, name string) {
	setProfile(c, id, name)
	if EventSize(c) > MaxEventBytes {
		c.Format, c.FormattedBody = "", ""
	}
}

// setProfile adds the profile with its fallback, whatever the size of the event is.
func setProfile(c *event.MessageEventContent, id, name string) {
	c.BeeperPerMessageProfile = &event.BeeperPerMessageProfile{
		ID:          TruncateBytes(cleanText(id), MaxProfileBytes),
		Displayname: profileName(id, name),
	}
	c.AddPerMessageProfileFallback()
}

// profileName returns the name under which a Wazo user is shown.
func profileName(id, name string) string { return Typed{}.profileName(id, name) }

// profileName is like the function profileName.
func (t Typed) profileName(id, name string) string {
	if name = CleanName(name, MaxProfileBytes); name == "" {
		return ShortUUID(t.Texts, id)
	}
	return name
}
