// Package wazoapi is a typed client for Wazo Platform. It speaks to wazo-auth,
// wazo-chatd, wazo-websocketd, wazo-webhookd and wazo-dird, which are behind one nginx.
//
// A [Client] is one Wazo server. An [Account] is one Wazo account on it. It
// keeps its own access token: one log-in serves all callers, and a [TokenStore]
// keeps the token over restarts. It offers rooms, messages and the event stream
// ([Account.Listen]). A [Directory] finds the names of people.
//
//	client, err := wazoapi.New(wazoapi.Config{URL: "https://wazo.example.org"}, log)
//	account := client.Account(wazoapi.Credentials{Username: "relay", Password: "…"}, store)
//	rooms, err := account.Rooms(ctx)
//	message, err := account.PostMessage(ctx, rooms[0].UUID, wazoapi.Draft{Content: "hello"})
//
// Somebody whom the relay represents logs in once ([Client.LogInOffline]). From
// then on a refresh token stands for the password ([Client.AccountByRefresh]).
//
// Wazo has no reactions and replies of its own. Where an administrator has installed
// the plugin for them ([Account.HasPlugin]), [Account.AddReaction] and
// [Account.MarkReply] use it, and a [PluginHandler] hears of what others do with it.
//
// Where a connection to wazo-websocketd is not possible, a [Hook] hears the events of
// an account by requests of wazo-webhookd.
//
// # What the package decides
//
// It decides which 401 means that the token must be renewed, how long no log-in
// is tried after one has failed, when a connection is replaced, and whether the
// plugin is there. It leaves to its callers whether a failed request is repeated,
// what people are told, and what is relayed.
//
// # Errors
//
// A method that makes a request returns one of these errors:
//   - an [*Error], if a server answered that it did not do what was asked;
//   - a [*TransportError], if there was no usable answer. Its field Sent tells
//     whether the server may have carried the request out nevertheless;
//   - the error of the context, if that ended while the call waited for a token
//     or for another call;
//   - an error of the [TokenStore], wrapped.
//
// [OutcomeUnknown] tells whether a failed request may have been carried out, and
// errors.Is what a failed log-in means, see [ErrLogInRefused]. No error contains
// a token or a password. The error bodies of Wazo do contain
// tokens (docs/wazo.md, "Secrets in error bodies"), so these are redacted where
// the error is built.
//
// # Facts about Wazo
//
// The rules that this package follows are described in
// docs/wazo.md, "Facts about Wazo". Tests hold it to answers that were recorded on
// real services, and to the simulated Wazo of package wazotest.
package wazoapi
