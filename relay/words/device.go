package words

import "fmt"

// What other people's clients see of the bot's device. The status command and the check show these texts after the
// device's ID and a comma.
const (
	DeviceSigned          Phrase = "signed by its owner"
	DeviceUnsigned        Phrase = "not signed by its owner"
	DeviceNoIdentity      Phrase = "not signed: the account has no cross-signing identity"
	DeviceIdentityBroken  Phrase = "not signed: the account's cross-signing keys don't match each other"
	DeviceIdentityChanged Phrase = "not signed: the account's cross-signing identity was replaced"
	DeviceGone            Phrase = "deleted on the homeserver"
	DeviceOtherKeys       Phrase = "unusable: the homeserver has other keys for it than the relay"
	DeviceUnknown         Phrase = "unknown: the homeserver did not answer"
)

// Why the bot's log-in on the homeserver cannot be used. The health check shows these texts.
const (
	MatrixLogInEnded      Phrase = "the bot's Matrix log-in has ended, and the homeserver does not renew it any more"
	MatrixLogInNotRenewed Phrase = "the bot's Matrix log-in has expired, and the homeserver does not renew it at the moment"
)

// What the relay's administrator should do about it. The texts follow "The relay's administrator should" or "hint:".
const (
	AdviseRecoveryKey Phrase = "set MATRIX_RECOVERY_KEY to the account's recovery key and restart the relay"
	AdviseIdentity    Phrase = "replace MATRIX_ACCESS_TOKEN with MATRIX_PASSWORD and restart the relay; or set up recovery in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay"
	AdviseReset       Phrase = "reset the account's cryptographic identity in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay"
	AdviseNewDevice   Phrase = "restart the relay, which then creates a new device; if it does not use MATRIX_PASSWORD, first log in again"
	AdviseOneTimeKeys Phrase = "restart the relay; if that does not help, look into the homeserver's log"
)

// AdviseApproval says what the owner of the bot's account has to do before the homeserver publishes its cross-signing
// keys.
func (t Texts) AdviseApproval(address string) string {
	return t.say("open %s in a browser, log in as the bot there and approve it; the relay tries again every minute", address)
}

// ResetApproval says where a log-in by a browser approves that the cryptographic identity is replaced. The text follows
// an advice and a semicolon.
func (t Texts) ResetApproval(address string) string {
	return t.say("to approve a reset, log in as the bot at %s", address)
}

// What becomes of the room keys that the bot receives. The status command and the check show these texts after "key
// backup".
const (
	BackupUsed     Phrase = "the keys of encrypted rooms are backed up on the homeserver, encrypted with the recovery key"
	BackupNone     Phrase = "the account has none; the relay makes one once its device is signed"
	BackupLocked   Phrase = "not used: the account's secret storage cannot be opened without its recovery key"
	BackupForeign  Phrase = "not used: another client made it, and its key is not in the account's secret storage"
	BackupDisabled Phrase = "not used: it was switched off in another client"
	BackupFailing  Phrase = "not used at the moment: the homeserver or the database does not accept it"
	BackupUnknown  Phrase = "not tried yet"
)

// What the relay's administrator should do about the key backup.
const (
	AdviseBackupKey Phrase = "set up the key backup again in another client, so that its key is in the secret storage"
	AdviseBackupLog Phrase = "look into the relay's log"
)

// KeyBackup is what the status command shows of the backup of room keys.
type KeyBackup struct {
	State  Phrase // one of the texts that begin with Backup
	Advice Phrase // one of the texts that begin with Advise; "" if there is nothing to do
}

func (t Texts) keyBackup(k KeyBackup) string {
	if k.Advice == "" {
		return t.Say(k.State)
	}
	return t.say("%s. The relay's administrator should %s.", t.Say(k.State), t.Say(k.Advice))
}

// NoOneTimeKeys says that new devices of other people cannot send keys to the bot.
const NoOneTimeKeys Phrase = "the homeserver has no one-time keys of the bot's device, so new devices cannot send it the keys of their messages"

// Device is what the status command shows of the bot's device.
type Device struct {
	ID          string
	State       Phrase // one of the texts that begin with Device
	OneTimeKeys int    // how many the homeserver has; negative if that is not known
	Advice      Phrase // one of the texts that begin with Advise; "" if there is nothing to do
}

func (t Texts) device(d Device) string {
	text := fmt.Sprintf("`%s`, %s", d.ID, t.Say(d.State))
	if d.OneTimeKeys == 0 {
		text = t.list(text, t.Say(NoOneTimeKeys))
	}
	if d.Advice == "" {
		return text
	}
	return t.say("%s. The relay's administrator should %s.", text, t.Say(d.Advice))
}
