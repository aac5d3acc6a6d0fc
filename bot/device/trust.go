package device

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/signatures"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Trust is what other people's clients see of the bot's device. They show a warning unless it is Trusted, and hide its
// messages one day (client-server API, "Cross-signing"; MSC4153).
type Trust int

// What a device can be to others.
const (
	TrustUnknown         Trust = iota
	Trusted                    // signed by its owner
	TrustUnsigned              // the account has an identity, which has not signed the device
	TrustNoIdentity            // the account has no cross-signing keys
	TrustBrokenIdentity        // its keys don't fit each other
	TrustIdentityChanged       // the identity is another one than that which signed the device
	TrustDeviceGone            // the homeserver has no keys of the device
	TrustOtherKeys             // the homeserver has other keys of the device
)

// Words says it to people.
func (t Trust) Words() string {
	return map[Trust]string{
		Trusted: words.DeviceSigned, TrustUnsigned: words.DeviceUnsigned, TrustNoIdentity: words.DeviceNoIdentity,
		TrustBrokenIdentity: words.DeviceIdentityBroken, TrustIdentityChanged: words.DeviceIdentityChanged,
		TrustDeviceGone: words.DeviceGone, TrustOtherKeys: words.DeviceOtherKeys, TrustUnknown: words.DeviceUnknown,
	}[t]
}

// Advice says what an administrator does about it, "" if there is nothing to do.
func (t Trust) Advice() string {
	return map[Trust]string{
		TrustUnsigned: words.AdviseRecoveryKey, TrustNoIdentity: words.AdviseIdentity, TrustBrokenIdentity: words.AdviseReset,
		TrustIdentityChanged: words.AdviseRecoveryKey, TrustDeviceGone: words.AdviseNewDevice, TrustOtherKeys: words.AdviseNewDevice,
	}[t]
}

// Device is the bot's device as the homeserver shows it to everybody.
type Device struct {
	ID          id.DeviceID
	Trust       Trust
	OneTimeKeys int // left for new devices of others to begin a session with

	master, selfSigning id.Ed25519 // of the account's identity, "" if there is none
}

// Words describes the device to people.
func (d Device) Words() words.Device {
	w := words.Device{ID: d.ID.String(), State: d.Trust.Words(), OneTimeKeys: d.OneTimeKeys, Advice: d.Trust.Advice()}
	if w.Advice == "" && d.OneTimeKeys == 0 {
		w.Advice = words.AdviseOneTimeKeys
	}
	return w
}

// Device asks the homeserver how it shows the bot's device. What the crypto store believes is not asked: others don't see it.
func (b *Manager) Device(ctx context.Context) (Device, error) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	device := Device{ID: b.client.DeviceID, OneTimeKeys: -1}
	known, err := b.db.Setting.Get(ctx, db.SettingMasterKey)
	if err != nil {
		return device, err
	}
	keys, err := b.client.QueryKeys(ctx, &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{b.cfg.UserID: {}}})
	if err != nil {
		return device, fmt.Errorf("failed to ask for the bot's own keys: %w", err)
	}
	counts, err := b.client.UploadKeys(ctx, &mautrix.ReqUploadKeys{})
	if err != nil {
		return device, fmt.Errorf("failed to count the one-time keys: %w", err)
	}
	device.OneTimeKeys = counts.OneTimeKeyCounts.SignedCurve25519
	master, selfSigning := keys.MasterKeys[b.cfg.UserID], keys.SelfSigningKeys[b.cfg.UserID]
	device.master, device.selfSigning = master.FirstKey(), selfSigning.FirstKey()
	device.Trust = judgeTrust(keys, b.crypto.Machine().OwnIdentity(), id.Ed25519(known))
	return device, nil
}

// judgeTrust decides what others see of a device. known is the master key that it was signed under before, "" if none.
func judgeTrust(keys *mautrix.RespQueryKeys, own *id.Device, known id.Ed25519) Trust {
	device, ok := keys.DeviceKeys[own.UserID][own.DeviceID]
	switch {
	case !ok || len(device.Keys) == 0:
		return TrustDeviceGone
	case device.Keys.GetEd25519(own.DeviceID) != own.SigningKey, device.Keys.GetCurve25519(own.DeviceID) != own.IdentityKey:
		return TrustOtherKeys
	}
	masterKeys, selfSigningKeys := keys.MasterKeys[own.UserID], keys.SelfSigningKeys[own.UserID]
	master, selfSigning := masterKeys.FirstKey(), selfSigningKeys.FirstKey()
	switch {
	case master == "":
		return TrustNoIdentity
	case !isSigned(selfSigningKeys, own.UserID, master):
		return TrustBrokenIdentity
	case isSigned(device, own.UserID, selfSigning):
		return Trusted
	case known != "" && known != master:
		return TrustIdentityChanged
	default:
		return TrustUnsigned
	}
}

// isSigned reports whether a user's key has signed something. A signature that can't be read is none.
func isSigned(object any, user id.UserID, key id.Ed25519) bool {
	ok, err := signatures.VerifySignatureJSON(object, user, key.String(), key)
	return err == nil && ok
}
