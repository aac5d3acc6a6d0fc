// Package convert turns the content of one side of the relay into that of the
// other: Wazo's Markdown into Matrix events ([ToMatrix], [Split], [AddProfile])
// and Matrix events into Wazo's Markdown ([ToWazo]), together with the names
// that go with them ([CleanName], [ShortUUID], [AliasFormat]) and the
// administrator's templates ([ContentFormat]).
//
// Everything here is a pure function: no I/O, no clock, no state shared between
// calls. Everything that comes in was written by somebody else, so whatever it
// is, what goes out is valid UTF-8 of bounded size, has links with harmless
// schemes only, and on Matrix pings nobody.
//
// A Wazo message becomes Matrix events like this:
//
//	for _, part := range convert.Split(message.Content) {
//		content := convert.ToMatrix(part)
//		convert.AddProfile(content, message.UserUUID, name)
//		// send content
//	}
package convert
