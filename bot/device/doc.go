// Package device looks after the bot's own device: it finds the homeserver, logs in, keeps the access token and the
// encryption keys, has the device signed by the account's cross-signing identity, repairs it, and says how others see
// it.
//
// A Manager does all of this. It owns the client and its encryption, which the rest of the bot uses after Prepare or
// Login.
//
// # Log-in
//
// The homeserver is the configured one, or the one that the .well-known file of the account's domain names. Prepare and
// Login prefer the access token of an earlier start, because homeservers scope transaction ids to it. If the homeserver
// does not accept that token any more, they log in with the password, on the same device. With a configured access
// token there is no password, and so no second try.
//
// A log-in with the password asks for a refresh token. Where the homeserver gives one, a session (package session)
// renews the access token. So it does for a log-in by an OAuth 2.0 provider (package oauth), which BeginLogIn begins
// and a person approves in a browser: it always makes a new device, ends the log-in before it, and needs no password
// ever. What counts if there are several: a configured access token, then the kept log-in, then the password.
//
// # Trust
//
// Trust is what the clients of other people see of the device. They show a warning beside messages of a device that its
// owner's cross-signing identity has not signed, and one day they may hide them (MSC4153). Status asks the homeserver
// each time, because the crypto store shows only what this program believes.
//
//	Trusted               the account's identity has signed the device
//	TrustNoIdentity       the account has no identity; the next start or maintenance creates one and signs with it
//	TrustUnsigned         the identity has not signed the device; signing takes the recovery key
//	TrustIdentityChanged  somebody replaced the identity that had signed the device; signing takes the new recovery key
//	TrustBrokenIdentity   the keys of the identity do not fit each other; only a reset with another client helps
//	TrustDeviceGone       the homeserver has no keys of the device; a running bot uploads them again, a start makes a new device
//	TrustOtherKeys        the homeserver has other keys of the device; the next start makes a new device
//	TrustUnknown          the homeserver did not answer
//
// # Recovery key
//
// The private keys of the identity are in the account's secret storage on the homeserver, which the recovery key opens.
// If the account has no identity, the bot creates one. It stores the recovery key in the database, encrypted, before it
// publishes anything, so that a start that is interrupted anywhere can be completed by the next one. It then shows the
// recovery key once.
//
// If the account has an identity already, for example because a person used the account before, the configured recovery
// key is needed once and kept afterwards. The bot never replaces an identity that exists.
//
// # Key backup
//
// The room keys that the bot receives are stored in the account's key backup on the homeserver (client-server API,
// "Server-side key backups"). Its key is in the secret storage. Prepare fetches all keys, once for each device and
// version of the backup, before anything is decrypted. BackUpKeys uploads what is not backed up yet, after each answer
// of /sync that brought keys and before the next one is asked for.
//
//	BackupUsed      the backup is used
//	BackupNone      the account has none; the bot makes one once its device is signed
//	BackupLocked    the secret storage cannot be opened; it takes the recovery key
//	BackupForeign   the key in the secret storage does not fit the backup; another client has to put it there
//	BackupDisabled  a person has switched the backup off
//	BackupFailing   the homeserver or the database fails; the bot tries again every minute
//	BackupUnknown   it was not tried yet
//
// A backup is verified by deriving its public key from the key in the secret storage. The bot never replaces or deletes
// one.
//
// # Generation
//
// Encryption keys change with each use, and clients refuse messages from an older state of a key. A database that was
// restored from a backup, or from the snapshot of a virtual machine, is in such an older state. To notice that, the
// database has a generation, a number that only grows. It is raised in the database first, and then in the account data
// of the type "io.wazo.relay.age" on the homeserver, with the device. The database is an older copy (ErrRestored) if
// the account data holds a higher generation, or names another device although the database has raised its generation.
// Prepare finds this out before it uses any session.
//
// A copy is recognised whatever its age, because nothing that outdates it takes effect before the generation is raised:
//
//	something is sent by a session with a device   each such request waits until the generation is raised (transport)
//	new one-time keys are published                likewise
//	something was received from a device           the next request of /sync, by which the homeserver forgets what it
//	                                               delivered, waits until the generation is raised (SecureReceivedKeys)
//	a message is sent by the key of a room         not raised; each start drops these keys and makes new ones instead
//
// So a message costs no request more than before. Handing out the key of a room, which happens once in a hundred
// messages or when members or devices change, costs one more, and so does an answer of /sync that brings keys. A copy
// after which none of this has happened has the same generation as the homeserver: it is as good as the original, and
// keeps the device.
//
// # New device
//
// Prepare makes a new device, with the password, if the keys of the old one cannot be used any more (ErrDeviceLost) or
// if the database is an older copy (ErrRestored). If the keys are only out of date, it first receives the room keys
// that still wait for the old device, as far as these keys can decrypt them. It logs the old device out, which deletes
// it, and also the device in the account data, whose keys were in the database that is gone. What others encrypted for
// the old devices only, the new one can read by the room keys in the database and in the key backup.
//
// Without password, the bot cannot make a device. After ErrDeviceLost it does not start. After ErrRestored it begins
// new sessions with all other devices, adopts the published generation, so that the newer database is an older copy
// from now on, and goes on. A token of a new log-in brings a new device, and the bot begins with new keys.
//
// # Errors
//
// Each of these is for an administrator:
//
//	ErrOtherUser          the database was filled for another account: use another database, or correct the user id
//	ErrNoHomeserver       correct the homeserver's URL, or the .well-known file of the domain
//	ErrBadPassword        correct the user id or the password
//	ErrNoPasswordLogin    use an access token, or allow passwords on the homeserver
//	ErrBadToken           replace the access token, or use the password
//	ErrTokenMismatch      use an access token of this account that belongs to a device, or use the password
//	ErrNotLoggedIn        configure the password, or log in by the OAuth 2.0 provider
//	ErrDeviceLost         use the password, or a new log-in
//	ErrRestored           use the password, or a new log-in
//	ErrRecoveryKeyNeeded  configure the account's recovery key; if nobody has it, reset the identity with another client
//	ErrRecoveryKeyWrong   configure the recovery key that was shown when the identity was reset last
//	ErrOtherIdentity      reset the identity with another client, and configure the new recovery key
//	ErrPasswordNeeded     replace the access token by the password, or set up recovery with another client
//	ErrApprovalNeeded     approve it at the address of the ResetError; Maintain tries again
//	ErrLoggedOut          restart with the right password, or with a new log-in
//
// Other errors, such as those of the homeserver, of the network and of the database, are wrapped with what was being
// done.
package device
