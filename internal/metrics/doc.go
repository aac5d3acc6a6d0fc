// Package metrics counts what the relay does, for Prometheus.
//
// A [Metrics] is told of what happens: it is the observer of the core, it is put around the requests to both servers
// ([Metrics.Transport]), and it is told of rate limits and commits. What has a value at a moment, such as the length of
// the queues, is read from the core when Prometheus asks ([Metrics.Watch]).
//
// No label contains the name of a room, of a person or of a message: the number of series does not depend on how much
// is relayed.
package metrics
