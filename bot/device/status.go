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

// Trust is what other people's clients see of the bot's device. They show a warning unless it is Trusted, and may hide
// its messages one day (client-server API, "Cross-signing"; MSC4153). The package comment says what to do in each case.
type Trust int

// What others can see of a device.
const (
	TrustUnknown         Trust = iota // the homeserver did not answer
	Trusted                           // the account's identity has signed the device
	TrustUnsigned                     // the account has an identity, which has not signed the device
	TrustNoIdentity                   // the account has no cross-signing keys
	TrustBrokenIdentity               // the keys of the identity do not fit each other
	TrustIdentityChanged              // the account has another identity than the one that had signed the device
	TrustDeviceGone                   // the homeserver has no keys of the device
	TrustOtherKeys                    // the homeserver has other keys of the device
)

// Words describes the trust in words for a chat or for an administrator.
func (t Trust) Words() words.Phrase {
	return map[Trust]words.Phrase{
		Trusted: words.DeviceSigned, TrustUnsigned: words.DeviceUnsigned, TrustNoIdentity: words.DeviceNoIdentity,
		TrustBrokenIdentity: words.DeviceIdentityBroken, TrustIdentityChanged: words.DeviceIdentityChanged,
		TrustDeviceGone: words.DeviceGone, TrustOtherKeys: words.DeviceOtherKeys, TrustUnknown: words.DeviceUnknown,
	}[t]
}

// Advice says what an administrator can do about it. It returns "" if there is nothing to do.
func (t Trust) Advice() words.Phrase {
	return map[Trust]words.Phrase{
		TrustUnsigned: words.AdviseRecoveryKey, TrustNoIdentity: words.AdviseIdentity, TrustBrokenIdentity: words.AdviseReset,
		TrustIdentityChanged: words.AdviseRecoveryKey, TrustDeviceGone: words.AdviseNewDevice, TrustOtherKeys: words.AdviseNewDevice,
	}[t]
}

// Status is the bot's device as the homeserver shows it to everybody.
type Status struct {
	ID          id.DeviceID
	Trust       Trust
	OneTimeKeys int // how many are left, with which new devices of others can begin a session; negative if it is not known
	Backup      Backup
	BackupError error // why the key backup cannot be used; only Inspect sets it

	master, selfSigning id.Ed25519 // of the account's identity, "" if there is none
}

// Words describes the device in words for a chat or for an administrator.
func (s Status) Words() words.Device {
	w := words.Device{ID: s.ID.String(), State: s.Trust.Words(), OneTimeKeys: s.OneTimeKeys, Advice: s.Trust.Advice()}
	if w.Advice == "" && s.OneTimeKeys == 0 {
		w.Advice = words.AdviseOneTimeKeys
	}
	return w
}

// Status asks the homeserver how it shows the bot's device. It does not ask the crypto store, whose view others do not
// share. If it returns an error, the trust is TrustUnknown.
func (m *Manager) Status(ctx context.Context) (Status, error) {
	ctx, cancel := m.request(ctx)
	defer cancel()
	status := Status{ID: m.client.DeviceID, OneTimeKeys: -1, Backup: m.Backup()}
	known, err := m.db.Setting.Get(ctx, db.SettingMasterKey)
	if err != nil {
		return status, err
	}
	keys, err := m.client.QueryKeys(ctx, &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{m.cfg.UserID: {}}})
	if err != nil {
		return status, fmt.Errorf("failed to ask for the bot's own keys: %w", err)
	}
	counts, err := m.client.UploadKeys(ctx, &mautrix.ReqUploadKeys{})
	if err != nil {
		return status, fmt.Errorf("failed to count the one-time keys: %w", err)
	}
	status.OneTimeKeys = counts.OneTimeKeyCounts.SignedCurve25519
	master, selfSigning := keys.MasterKeys[m.cfg.UserID], keys.SelfSigningKeys[m.cfg.UserID]
	status.master, status.selfSigning = master.FirstKey(), selfSigning.FirstKey()
	status.Trust = trustOf(keys, m.crypto.Machine().OwnIdentity(), id.Ed25519(known))
	return status, nil
}

// trustOf returns what others see of a device. known is the master key of the identity that has signed it before, "" if
// none has.
func trustOf(keys *mautrix.RespQueryKeys, own *id.Device, known id.Ed25519) Trust {
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

// isSigned reports whether a user's key has signed an object. It is false for a signature that cannot be parsed.
func isSigned(object any, user id.UserID, key id.Ed25519) bool {
	ok, err := signatures.VerifySignatureJSON(object, user, key.String(), key)
	return err == nil && ok
}
