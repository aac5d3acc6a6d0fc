package device

import (
	"context"
	"fmt"
	"time"
)

// How often a running bot maintains its device, and how soon after a failure.
const (
	maintenanceInterval = time.Hour
	maintenanceRetry    = time.Minute
)

// MaintenanceDue reports whether it is time to call Maintain. Only the sync loop may call it.
func (m *Manager) MaintenanceDue() bool { return time.Now().After(m.nextMaintenance) }

// Maintain checks how others see the device and repairs what it can: it uploads keys that the homeserver has lost, and
// signs the device again. A failure is logged, and maintenance is due again after a minute instead of an hour.
//
// Only the sync loop may call it, and no event may be sent meanwhile: the crypto machine changes its identity without a
// lock.
func (m *Manager) Maintain(ctx context.Context) {
	status, err := m.repair(ctx)
	m.trusted = status.Trust == Trusted
	m.nextMaintenance = time.Now().Add(maintenanceInterval)
	if err != nil {
		m.nextMaintenance = time.Now().Add(maintenanceRetry)
	}
	if ctx.Err() == nil {
		m.logTrust(ctx, status, err)
	}
}

// repair returns the device as it is afterwards, with why it is not trusted if an error is the reason.
func (m *Manager) repair(ctx context.Context) (Status, error) {
	status, err := m.Status(ctx)
	if err == nil && status.Trust == TrustDeviceGone {
		// Somebody deleted the device, and a log-in made it again, without keys.
		m.log.Warn().Stringer("device_id", status.ID).Msg("The homeserver has lost the device's keys, uploading them again")
		if err = m.uploadKeysAgain(ctx); err == nil {
			status, err = m.Status(ctx)
		}
	}
	if err != nil {
		return status, err
	}
	return m.sign(ctx, status)
}

// uploadKeysAgain uploads the keys of a device of which the homeserver knows nothing.
func (m *Manager) uploadKeysAgain(ctx context.Context) error {
	ctx, cancel := m.request(ctx)
	defer cancel()
	mach := m.crypto.Machine()
	mach.GetAccount().Shared = false
	if err := mach.ShareKeys(ctx, 0); err != nil {
		return fmt.Errorf("failed to upload keys: %w", err)
	}
	return nil
}
