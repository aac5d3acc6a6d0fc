package words

import "fmt"

// What others see of the bot's device, for the status and the check.
const (
	DeviceSigned          = "signed by its owner"
	DeviceUnsigned        = "not signed by its owner"
	DeviceNoIdentity      = "not signed: the account has no cross-signing identity"
	DeviceIdentityBroken  = "not signed: the account's cross-signing keys don't fit each other"
	DeviceIdentityChanged = "not signed: the account's cross-signing identity was replaced"
	DeviceGone            = "deleted on the homeserver"
	DeviceOtherKeys       = "unusable: the homeserver has other keys for it than I have"
	DeviceUnknown         = "unknown: the homeserver doesn't answer"
)

// What to do about that, for the relay's administrator.
const (
	AdviseRecoveryKey = "set MATRIX_RECOVERY_KEY to the account's recovery key and restart the relay"
	AdviseIdentity    = "replace MATRIX_ACCESS_TOKEN by MATRIX_PASSWORD and restart the relay, or set up recovery with another client and give its key as MATRIX_RECOVERY_KEY"
	AdviseReset       = "reset the account's cryptographic identity with another client, then give the new key as MATRIX_RECOVERY_KEY"
	AdviseNewDevice   = "restart the relay; with MATRIX_ACCESS_TOKEN give it the token of a new log-in, with MATRIX_PASSWORD it makes a new device by itself"
	AdviseOneTimeKeys = "restart the relay; if that does not help, see the homeserver's log"
)

// NoOneTimeKeys says that new devices can't send the bot keys.
const NoOneTimeKeys = "the homeserver has no one-time keys of mine, so new devices can't send me the keys of their messages"

// Device is what the status shows of the bot's device.
type Device struct {
	ID          string
	State       string // one of the texts above
	OneTimeKeys int    // on the homeserver; negative: not known
	Advice      string // "": nothing to do
}

func (d Device) render() string {
	text := fmt.Sprintf("`%s`, %s", d.ID, d.State)
	if d.OneTimeKeys == 0 {
		text += "; " + NoOneTimeKeys
	}
	if d.Advice != "" {
		text += ". The relay's administrator should " + d.Advice
	}
	return text
}
