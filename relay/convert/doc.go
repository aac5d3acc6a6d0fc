// Package convert turns content of one side of the relay into content of the other.
// It turns what is typed on Wazo into Matrix events ([Typed], [ToMatrix], [Split],
// [AddProfile], [Pictures]) and Matrix events into Wazo's Markdown ([Describe], [ToWazo],
// [AttachmentOf], [Reactions], [Removal]). Files whose names begin with "markdown" decide
// what of the former is formatting. It
// also makes the names that go with them ([CleanName], [FileName], [ShortUUID]) and
// applies the administrator's templates ([AliasFormat], [ContentFormat]).
//
// All functions are pure: they do no I/O, use no clock and share no state. Their
// input was written by strangers. Whatever it is, the output is valid UTF-8 of
// limited size, has links with harmless schemes only, and pings nobody on Matrix.
// Names and texts that are too long are cut between characters as people see them
// ([TruncateBytes], [TruncateRunes]).
//
// A Wazo message becomes Matrix events like this:
//
//	for _, part := range convert.Split(message.Content) {
//		content := convert.ToMatrix(part)
//		convert.AddProfile(content, message.UserUUID, name)
//		// send content
//	}
package convert
