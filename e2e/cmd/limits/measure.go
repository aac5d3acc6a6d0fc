package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
)

// plan is a measurement: each of the rooms gets the same number of messages at once.
type plan struct {
	rooms, each int
	within      time.Duration // all of them must be shown within this time
}

var plans = []plan{
	{rooms: 1, each: 200, within: time.Minute},
	{rooms: 5, each: 40, within: 2 * time.Minute},
}

// singleWithin is how long a message may take while the account is not limited.
const singleWithin = 2 * time.Second

// measurement is a plan that is carried out.
type measurement struct {
	stage *stage.Stage
	plan  plan

	portals []stage.Portal
	authors [][2]wazotest.User // of each portal
	took    time.Duration
	events  int // that show the messages
}

// String is the line of the result.
func (m *measurement) String() string {
	return fmt.Sprintf("limits: messages=%d rooms=%d events=%d seconds=%.1f", m.plan.rooms*m.plan.each, m.plan.rooms, m.events, m.took.Seconds())
}

func (m *measurement) openRooms(ctx context.Context) error {
	for i := range m.plan.rooms {
		name := fmt.Sprintf("Limits %d of %d", i+1, m.plan.rooms)
		authors := [2]wazotest.User{m.stage.Hire("Ann", name), m.stage.Hire("Ben", name)}
		room := m.stage.Wazo.CreateRoom(name, authors[0], authors[1], m.stage.Cast.Relay)
		portal, err := m.stage.Link(ctx, m.stage.Robin, harness.RoomOptions{}, room.UUID)
		if err != nil {
			return err
		}
		m.portals, m.authors = append(m.portals, portal), append(m.authors, authors)
	}
	return nil
}

// sendOne makes sure that a message after a quiet time is shown at once.
func (m *measurement) sendOne(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, singleWithin)
	defer cancel()
	const text = "a single one"
	_, _, err := m.stage.ToMatrix(ctx, m.portals[0], harness.All(m.stage.FromWazo(), harness.Says(text)), m.authors[0][0], text)
	if err != nil {
		return fmt.Errorf("a single message was not shown within %s: %w", singleWithin, err)
	}
	return nil
}

// text is the nth message of a room. All have the same length.
func text(n int) string { return fmt.Sprintf("message %03d", n) }

// author is who says the nth message of a room: people say several in a row.
func (m *measurement) author(room, n int) wazotest.User { return m.authors[room][n/7%2] }

// run posts all messages and waits until the last one of each room is shown.
func (m *measurement) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*m.plan.within) // a result that is too slow is shown, too
	defer cancel()
	start := time.Now()
	for n := range m.plan.each {
		for i, portal := range m.portals {
			m.stage.Wazo.Post(portal.Wazo, m.author(i, n), text(n), "")
		}
	}
	for _, portal := range m.portals {
		last := harness.All(m.stage.FromWazo(), harness.Says(text(m.plan.each-1)))
		entry, err := m.stage.Robin.WaitEvent(ctx, portal.Matrix, last)
		if err != nil {
			return fmt.Errorf("not all messages were shown: %w", err)
		}
		m.took = max(m.took, entry.Seen.Sub(start))
	}
	for _, portal := range m.portals {
		for _, entry := range m.stage.Robin.Timeline(portal.Matrix) {
			if len(m.shownBy(entry.Event)) > 0 {
				m.events++
			}
		}
	}
	return nil
}

var numbered = regexp.MustCompile(`message \d{3}`)

// shownBy returns the messages that an event shows.
func (m *measurement) shownBy(evt *event.Event) []string {
	if !m.stage.FromWazo()(evt) {
		return nil
	}
	return numbered.FindAllString(evt.Content.AsMessage().Body, -1)
}

// judge returns an error if a message is missing, duplicated or not in its place, or
// if it took too long.
func (m *measurement) judge(ctx context.Context) error {
	var want []string
	for n := range m.plan.each {
		want = append(want, text(n))
	}
	for _, portal := range m.portals {
		history, err := m.stage.Robin.History(ctx, portal.Matrix)
		if err != nil {
			return err
		}
		var got []string
		for _, evt := range history {
			got = append(got, m.shownBy(evt)...)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("the messages are not shown once and in order: %q", got)
		}
	}
	if m.took > m.plan.within {
		return fmt.Errorf("%s took longer than %s", m, m.plan.within)
	}
	return nil
}
