package device

import "errors"

// Errors of Login and Prepare that an administrator can do something about. The package comment says what.
var (
	// ErrOtherUser says that the database was filled for another account than the configured one.
	ErrOtherUser = errors.New("the database belongs to another Matrix account")
	// ErrNoHomeserver says that no homeserver is configured and none could be discovered, or that its URL is not valid.
	ErrNoHomeserver = errors.New("the homeserver was not found")
	// ErrBadPassword says that the homeserver refuses the user id together with the password.
	ErrBadPassword = errors.New("the homeserver refuses the password")
	// ErrNoPasswordLogin says that the homeserver accepts no passwords at all.
	ErrNoPasswordLogin = errors.New("the homeserver does not allow a log-in with a password")
	// ErrBadToken says that the homeserver does not know the configured access token.
	ErrBadToken = errors.New("the homeserver refuses the access token")
	// ErrTokenMismatch says that an access token belongs to another account, or to no device.
	ErrTokenMismatch = errors.New("the access token belongs to another account or device")
	// ErrNotLoggedIn says that nothing is configured to log in with, and that there is no kept log-in either.
	ErrNotLoggedIn = errors.New("the relay is not logged in to Matrix")
	// ErrDeviceLost says that the keys in the database cannot be loaded, or that the homeserver has no keys of the
	// device, has other ones, or refuses new ones.
	ErrDeviceLost = errors.New("the encryption keys in the database do not fit this device")
	// ErrRestored says that others have seen later states of the keys in the database. Inspect returns it; Prepare
	// handles it.
	ErrRestored = errors.New("the database is an older copy than the one that was used last")
)

// Errors of signing the device that an administrator can do something about. The package comment says what.
var (
	// ErrRecoveryKeyNeeded says that the account has an identity or a secret storage, and that no recovery key is
	// known.
	ErrRecoveryKeyNeeded = errors.New("the Matrix account has a cryptographic identity already, and its recovery key is not known")
	// ErrRecoveryKeyWrong says that no recovery key that is known opens the account's secret storage.
	ErrRecoveryKeyWrong = errors.New("the recovery key does not fit the Matrix account")
	// ErrOtherIdentity says that the secret storage could be opened, and does not hold the keys of the published
	// identity.
	ErrOtherIdentity = errors.New("the account's secret storage holds the keys of another identity than the published one")
	// ErrPasswordNeeded says that the identity could not be published without the account's password.
	ErrPasswordNeeded = errors.New("the homeserver publishes cross-signing keys only for somebody who gives the account's password")
	// ErrApprovalNeeded says that the identity could not be published because the account's owner has not approved it
	// in a browser.
	ErrApprovalNeeded = errors.New("the homeserver publishes cross-signing keys only after the account's owner has approved it in a browser")
)

// ErrLoggedOut says that the bot has lost its log-in, and that only an administrator can give it a new one. If it also
// is session.ErrEnded, its tokens could not be renewed any more.
var ErrLoggedOut = errors.New("the homeserver does not know the bot's access token any more")
