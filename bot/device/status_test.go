package device

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

func TestTrustIsWhatOthersSee(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.prepared()
	good := func() *mautrix.RespQueryKeys {
		keys, err := f.manager.client.QueryKeys(t.Context(), &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{botUser: {}}})
		require.NoError(t, err)
		return keys
	}
	own := f.manager.crypto.Machine().OwnIdentity()
	known, err := f.db.Setting.Get(t.Context(), db.SettingMasterKey)
	require.NoError(t, err)
	forge := func(keys mautrix.CrossSigningKeys) mautrix.CrossSigningKeys {
		keys.Signatures = nil
		return keys
	}
	for _, test := range []struct {
		name   string
		change func(keys *mautrix.RespQueryKeys)
		known  string
		want   Trust
	}{
		{"signed", func(*mautrix.RespQueryKeys) {}, known, Trusted},
		{"signed by an identity that was adopted meanwhile", func(*mautrix.RespQueryKeys) {}, "another", Trusted},
		{"the homeserver knows no device", func(k *mautrix.RespQueryKeys) { k.DeviceKeys = nil }, known, TrustDeviceGone},
		{"the homeserver knows a device without keys", func(k *mautrix.RespQueryKeys) {
			k.DeviceKeys[botUser][own.DeviceID] = mautrix.DeviceKeys{}
		}, known, TrustDeviceGone},
		{"other identity key", func(k *mautrix.RespQueryKeys) {
			k.DeviceKeys[botUser][own.DeviceID].Keys[id.NewDeviceKeyID(id.KeyAlgorithmCurve25519, own.DeviceID)] = "other"
		}, known, TrustOtherKeys},
		{"no identity", func(k *mautrix.RespQueryKeys) { k.MasterKeys = nil }, known, TrustNoIdentity},
		{"self-signing key without signature", func(k *mautrix.RespQueryKeys) {
			k.SelfSigningKeys[botUser] = forge(k.SelfSigningKeys[botUser])
		}, known, TrustBrokenIdentity},
		{"no self-signing key", func(k *mautrix.RespQueryKeys) { k.SelfSigningKeys = nil }, known, TrustBrokenIdentity},
		{"device without signature", func(k *mautrix.RespQueryKeys) { delete(k.DeviceKeys[botUser][own.DeviceID].Signatures, botUser) }, known, TrustUnsigned},
		{"device signed by another identity", func(k *mautrix.RespQueryKeys) {
			delete(k.DeviceKeys[botUser][own.DeviceID].Signatures, botUser)
		}, "another", TrustIdentityChanged},
		{"device changed after it was signed", func(k *mautrix.RespQueryKeys) {
			device := k.DeviceKeys[botUser][own.DeviceID]
			device.Algorithms = device.Algorithms[:1]
			k.DeviceKeys[botUser][own.DeviceID] = device
		}, known, TrustUnsigned},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys := good()
			test.change(keys)
			require.Equal(t, test.want, trustOf(keys, own, id.Ed25519(test.known)))
			require.NotEmpty(t, test.want.Words())
			require.Equal(t, test.want == Trusted, test.want.Advice() == "")
		})
	}
}
