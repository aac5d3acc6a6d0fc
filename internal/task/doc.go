// Package task runs work that belongs to keys, such as the queues of rooms.
//
// A [Scheduler] runs at most one worker for each key, and only while that key has work. A worker calls the scheduler's
// step function again and again: until a step says [Idle], it goes on; after an error it pauses and tries again. Steps
// of one key therefore never overlap and keep their order, and keys never wait for each other.
//
// The package also holds what every kind of repeated work needs once:
//
//   - [Guard] turns a panic into an error, so that one malformed message does not end the process.
//   - [Backoff] computes growing pauses with jitter.
//   - [Sleep] waits, and can be interrupted.
//   - [PoisonDetector] tells whether one item fails by its own fault while the service works for others.
package task
