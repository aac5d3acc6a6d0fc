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

// What the relay's administrator should do about it. The texts follow "The relay's administrator should" or "hint:".
const (
	AdviseRecoveryKey = "set MATRIX_RECOVERY_KEY to the account's recovery key and restart the relay"
	AdviseIdentity    = "replace MATRIX_ACCESS_TOKEN with MATRIX_PASSWORD and restart the relay; or set up recovery in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay"
	AdviseReset       = "reset the account's cryptographic identity in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay"
	AdviseNewDevice   = "restart the relay, which then creates a new device; if it uses MATRIX_ACCESS_TOKEN, first set that to the token of a new log-in"
	AdviseOneTimeKeys = "restart the relay; if that does not help, look into the homeserver's log"
)

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
