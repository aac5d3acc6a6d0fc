// Package wazoapi is the Wazo side of the relay: wazo-auth, wazo-chatd,
// wazo-websocketd and wazo-dird behind nginx, typed and without policy.
//
// A [Client] is one Wazo server. An [Account] is one Wazo account on it: it
// keeps its own access token (one log-in serves all callers, also over
// restarts by means of a [TokenStore]) and offers rooms, messages and the
// event stream ([Account.Listen]). A [Directory] gives names to user uuids.
//
// What this package decides: which 401 means "renew the token", when no
// further log-in may be tried, how a connection is kept and replaced. What it
// leaves to its callers: whether a failed request is repeated, what a person
// is told, and what is relayed.
//
// Errors are of two kinds. [*Error] is an answer of a server that says no;
// [*TransportError] means that there was no usable answer, and its field Sent
// tells whether the request may have been carried out nevertheless. Neither
// ever contains a token or a password: Wazo's error bodies do, so they are
// cleaned where the error is built (docs/wazo.md, "Secrets in error bodies").
package wazoapi
