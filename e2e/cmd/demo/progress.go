package main

import (
	"context"
	"fmt"
	"time"
)

// step does something that may take long. Meanwhile the screen says what it is, and for how many seconds it has been
// going on.
func (s *screen) step(ctx context.Context, what string, do func(context.Context) error) error {
	start := time.Now()
	s.progress(what, 0)
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			result := "done"
			if ctx.Err() != nil {
				result = "stopped"
			} else if err != nil {
				result = "failed"
			}
			s.progressEnds(what, result, time.Since(start))
			return err
		case <-ticker.C:
			s.progress(what, time.Since(start))
		}
	}
}

// progressEvery is how often a step is told of where lines cannot be written over.
const progressEvery = 15 * time.Second

// progress shows what is being done. A terminal shows it in one line, which changes.
func (s *screen) progress(what string, since time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seconds := int(since.Round(time.Second).Seconds())
	switch {
	case s.interactive:
		s.write(fmt.Sprintf("%s%s … %d s", clearLine, what, seconds))
	case seconds%int(progressEvery.Seconds()) == 0:
		s.write(fmt.Sprintf("%s … %d s\n", what, seconds))
	}
}

func (s *screen) progressEnds(what, result string, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%s: %s after %.1f s\n", what, result, took.Seconds())
	if s.interactive {
		text = clearLine + text
	}
	s.write(text)
}
