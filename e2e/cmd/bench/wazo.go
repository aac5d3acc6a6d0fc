package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// expectOnWazo returns a function that waits until all texts have arrived in their rooms on Wazo, in order.
func (c *contender) expectOnWazo(rooms []room, texts [][]string) func(ctx context.Context) error {
	known := make([]int, len(rooms))
	for i := range rooms {
		known[i] = len(c.wazo.Messages(rooms[i].wazo))
	}
	return func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		for i, want := range texts {
			group.Go(func() error {
				var got []string
				seen := 0
				for m := range c.wazo.Subscribe(ctx, rooms[i].wazo) {
					if seen++; seen <= known[i] {
						continue
					}
					got = append(got, m.Content)
					if len(got) == len(want) {
						break
					}
				}
				return compare(got, want)
			})
		}
		return group.Wait()
	}
}

// compare returns an error unless the messages that came are those that were said, in order. A sender's name may stand
// before each.
func compare(got, want []string) error {
	if !slices.EqualFunc(got, want, strings.HasSuffix) {
		return fmt.Errorf("%d messages were said, and %d came, or others, or in another order", len(want), len(got))
	}
	return nil
}
