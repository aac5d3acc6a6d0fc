package words

import "fmt"

// What other people's clients see of the bot's device. The status command and the check show these texts after the device's
// ID and a comma.
const (
	DeviceSigned          = "signed by its owner"
	DeviceUnsigned        = "not signed by its owner"
	DeviceNoIdentity      = "not signed: the account has no cross-signing identity"
	DeviceIdentityBroken  = "not signed: the account's cross-signing keys don't match each other"
	DeviceIdentityChanged = "not signed: the account's cross-signing identity was replaced"
	DeviceGone            = "deleted on the homeserver"
	DeviceOtherKeys       = "unusable: the homeserver has other keys for it than the relay"
	DeviceUnknown         = "unknown: the homeserver did not answer"
)

// Why the bot's log-in on the homeserver cannot be used. The health check shows these texts.
const (
	MatrixLogInEnded      = "the bot's Matrix log-in has ended, and the homeserver does not renew it any more"
	MatrixLogInNotRenewed = "the bot's Matrix log-in has expired, and the homeserver does not renew it at the moment"
)

// What the relay's administrator should do about it. The texts follow "The relay's administrator should" or "hint:".
const (
	AdviseRecoveryKey = "set MATRIX_RECOVERY_KEY to the account's recovery key and restart the relay"
	AdviseIdentity    = "replace MATRIX_ACCESS_TOKEN with MATRIX_PASSWORD and restart the relay; or set up recovery in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay"
	AdviseReset       = "reset the account's cryptographic identity in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay"
	AdviseNewDevice   = "restart the relay, which then creates a new device; if it does not use MATRIX_PASSWORD, first log in again"
	AdviseOneTimeKeys = "restart the relay; if that does not help, look into the homeserver's log"
)

// AdviseApproval says what the owner of the bot's account has to do before the homeserver publishes its cross-signing keys.
func AdviseApproval(address string) string {
	return "open " + address + " in a browser, log in as the bot there and approve it; the relay tries again every minute"
}

// ResetApproval says where a log-in by a browser approves that the cryptographic identity is replaced. The text follows an advice and
// a semicolon.
func ResetApproval(address string) string {
	return "a reset is approved by whoever logs in as the bot at " + address
}

// What becomes of the room keys that the bot receives. The status command and the check show these texts after "key backup".
const (
	BackupUsed     = "the keys of encrypted rooms are backed up on the homeserver, encrypted with the recovery key"
	BackupNone     = "the account has none; the relay makes one once its device is signed"
	BackupLocked   = "not used: the account's secret storage cannot be opened without its recovery key"
	BackupForeign  = "not used: another client made it, and its key is not in the account's secret storage"
	BackupDisabled = "not used: it was switched off in another client"
	BackupFailing  = "not used at the moment: the homeserver or the database does not accept it"
	BackupUnknown  = "not tried yet"
)

// What the relay's administrator should do about the key backup.
const (
	AdviseBackupKey = "set up the key backup again in another client, so that its key is in the secret storage"
	AdviseBackupLog = "look into the relay's log"
)

// KeyBackup is what the status command shows of the backup of room keys.
type KeyBackup struct {
	State  string // one of the texts that begin with Backup
	Advice string // one of the texts that begin with Advise; "" if there is nothing to do
}

func (k KeyBackup) render() string {
	if k.Advice == "" {
		return k.State
	}
	return k.State + ". The relay's administrator should " + k.Advice + "."
}

// NoOneTimeKeys says that new devices of other people cannot send keys to the bot.
const NoOneTimeKeys = "the homeserver has no one-time keys of the bot's device, so new devices cannot send it the keys of their messages"

// Device is what the status command shows of the bot's device.
type Device struct {
	ID          string
	State       string // one of the texts that begin with Device
	OneTimeKeys int    // how many the homeserver has; negative if that is not known
	Advice      string // one of the texts that begin with Advise; "" if there is nothing to do
}

func (d Device) render() string {
	text := fmt.Sprintf("`%s`, %s", d.ID, d.State)
	if d.OneTimeKeys == 0 {
		text += "; " + NoOneTimeKeys
	}
	if d.Advice != "" {
		text += ". The relay's administrator should " + d.Advice + "."
	}
	return text
}
