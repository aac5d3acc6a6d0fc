package wazoapi

// RelayScopes returns the rights that an account of the relay needs, in the form
// that [Account.CheckScopes] takes. ROOM and SOURCE stand for any uuid. All of
// them are in Wazo's default policy, which administrators may replace
// (docs/wazo.md, "Access rights").
func RelayScopes() []string {
	return []string{
		"chatd.users.me.rooms.read",
		"chatd.users.me.rooms.create",
		"chatd.users.me.rooms.messages.read",
		"chatd.users.me.rooms.ROOM.messages.read",
		"chatd.users.me.rooms.ROOM.messages.create",
		"websocketd",
		"events.chatd.users.me.rooms.created",
		"events.chatd.users.me.rooms.ROOM.messages.created",
		"dird.directories.default.sources.read",
		"dird.backends.wazo.sources.SOURCE.contacts.read",
	}
}
