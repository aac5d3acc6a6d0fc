package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// ErrNoDirectory is returned if the tenant has no directory of its own people
// in the profile "default".
var ErrNoDirectory = errors.New("the tenant has no Wazo directory")

const (
	maxBatch         = 50               // uuids in a call; more than 100 make the URL too long (docs/wazo.md, "Directory contacts")
	maxSearchResults = 100              // contacts of a search
	maxCachedNames   = 10_000           // names and unknown uuids in memory
	failureTTL       = 10 * time.Second // how long a failure of dird is returned without another request
	sourcesTTL       = time.Hour        // how long the sources are believed; one that was replaced is noticed anyway
)

// Directory gives the names of the people of a tenant, read from wazo-dird and
// kept for a while. It is safe for concurrent use.
type Directory struct {
	a       *Account
	names   *nameCache
	lookup  chan struct{} // a lock: holds one element while somebody asks dird
	sources sources       // guarded by lookup

	lastFailure struct { // guarded by lookup
		err   error
		until time.Time
	}
}

// sources are the directories of Wazo's own people.
type sources struct {
	uuids []UUID
	until time.Time
}

// NewDirectory returns a directory that makes its requests as account a. It
// keeps a name for ttl, and that a uuid is unknown for at most six minutes, since
// that person may just have been created. It makes no request itself. A request
// for a name that is too old refreshes those of others who are asked about often,
// so that a tenant with up to 50 of them takes about one request for each ttl.
func NewDirectory(a *Account, ttl time.Duration) *Directory {
	return &Directory{
		a:      a,
		names:  newNameCache(ttl, maxCachedNames, a.c.now),
		lookup: make(chan struct{}, 1),
	}
}

// Names returns the names of users; see [Contact.Name]. If the error is nil, a
// uuid that is absent from the result is unknown to the directory.
//
// If dird or confd is down, Names returns an error together with the names that
// it still knows, however old. dird may need 10 s to notice that confd is down
// (docs/wazo.md, "Directory contacts"). For 10 s after such a failure the same
// error is returned at once. The error is [ErrNoDirectory] if the tenant has no
// directory of its own people.
func (d *Directory) Names(ctx context.Context, uuids ...UUID) (map[UUID]string, error) {
	contacts, err := d.Contacts(ctx, uuids...)
	names := make(map[UUID]string, len(contacts))
	for uuid, contact := range contacts {
		names[uuid] = contact.Name()
	}
	return names, err
}

// Known returns the names that are in memory, however old they are. It makes no
// request, and has none of them kept longer.
func (d *Directory) Known(uuids ...UUID) map[UUID]string { return d.names.peek(uuids) }

// Contacts is like Names, but returns all that the directory says of the users. It
// makes no more requests than Names does, and shares its memory.
func (d *Directory) Contacts(ctx context.Context, uuids ...UUID) (map[UUID]Contact, error) {
	if len(d.names.missing(uuids)) == 0 {
		return d.names.known(uuids), nil
	}
	err := d.exclusively(ctx, func() error {
		// Another caller may have asked for the same people meanwhile.
		missing := d.names.missing(uuids)
		for len(missing) > 0 {
			batch := missing[:min(maxBatch, len(missing))]
			missing = missing[len(batch):]
			batch = append(slices.Clip(batch), d.names.worthRefreshing(uuids, maxBatch-len(batch))...)
			if err := d.fetchNames(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	})
	return d.names.known(uuids), err
}

// Search returns the people whose full name, e-mail address, extension or mobile
// number contains term, at most 100 of each directory. Case and accents do not
// matter, % and _ are wildcards, and an empty term finds everybody
// (docs/wazo.md, "Directory contacts"). It returns the same errors as Names, and
// nothing from memory.
func (d *Directory) Search(ctx context.Context, term string) ([]Contact, error) {
	var found []Contact
	err := d.exclusively(ctx, func() (err error) {
		found, err = d.contacts(ctx, url.Values{"search": {term}, "limit": {strconv.Itoa(maxSearchResults)}})
		return err
	})
	return found, err
}

// Check asks dird for the account itself, to see whether dird and confd answer.
// It asks also shortly after a failure, and ends what that failure began: then
// names are asked for again at once. It returns nil if the tenant has no
// directory of its own people.
func (d *Directory) Check(ctx context.Context) error {
	token, err := d.a.Token(ctx)
	if err != nil {
		return err
	}
	select {
	case d.lookup <- struct{}{}:
		defer func() { <-d.lookup }()
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err = d.contacts(ctx, url.Values{"uuid": {joinUUIDs([]UUID{token.UserUUID})}})
	if errors.Is(err, ErrNoDirectory) {
		err = nil
	}
	if err == nil {
		d.lastFailure.err, d.lastFailure.until = nil, time.Time{}
	}
	return err
}

// exclusively runs ask when no other call is under way. For failureTTL after a
// failure it returns the same error instead: otherwise all who wait would time
// out one after the other.
func (d *Directory) exclusively(ctx context.Context, ask func() error) error {
	select {
	case d.lookup <- struct{}{}:
		defer func() { <-d.lookup }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if ctx.Err() != nil {
		return ctx.Err() // to ask would fail, and tell nothing of dird
	}
	if d.a.c.now().Before(d.lastFailure.until) {
		return d.lastFailure.err
	}
	err := ask()
	// That the caller does not wait any longer is a failure, too; that it was stopped is none.
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) && isOutage(err) {
		d.lastFailure.err, d.lastFailure.until = err, d.a.c.now().Add(failureTTL)
	}
	return err
}

// isOutage reports whether an error has its cause outside of the request, so
// that others would fail too.
func isOutage(err error) bool {
	answer, ok := errors.AsType[*Error](err)
	return !ok || answer.Status >= http.StatusInternalServerError || answer.MissingPermission() || answer.LoginFailed()
}

// fetchNames reads the names of up to maxBatch users into the cache.
func (d *Directory) fetchNames(ctx context.Context, batch []UUID) error {
	found, err := d.contacts(ctx, url.Values{"uuid": {joinUUIDs(batch)}})
	if err != nil {
		return err
	}
	contacts := make(map[UUID]Contact, len(found))
	for _, contact := range found {
		contacts[contact.UUID] = contact
	}
	d.names.store(batch, contacts)
	return nil
}

// contacts asks all sources. A source that has been replaced is looked up anew.
func (d *Directory) contacts(ctx context.Context, query url.Values) ([]Contact, error) {
	fresh := !d.a.c.now().Before(d.sources.until)
	found, err := d.fetchContacts(ctx, query)
	if isStatus(err, http.StatusNotFound) && !fresh {
		d.sources = sources{}
		return d.fetchContacts(ctx, query)
	}
	return found, err
}

func (d *Directory) fetchContacts(ctx context.Context, query url.Values) ([]Contact, error) {
	if err := d.findSources(ctx); err != nil {
		return nil, err
	}
	var found []Contact
	for _, source := range d.sources.uuids {
		path, err := source.inPath()
		if err != nil {
			return nil, err
		}
		var answer struct {
			Items []Contact `json:"items"`
		}
		err = d.a.call(ctx, request{
			method: http.MethodGet, service: serviceDird, path: "/backends/wazo/sources/" + path + "/contacts",
			query: query, timeout: d.a.c.cfg.Timeout,
		}, &answer)
		if err != nil {
			return nil, err
		}
		found = append(found, answer.Items...)
	}
	return found, nil
}

// findSources finds the sources by their backend, because their names contain
// the tenant's (docs/wazo.md, "Directory sources").
func (d *Directory) findSources(ctx context.Context) error {
	if d.a.c.now().Before(d.sources.until) {
		return nil
	}
	var answer struct {
		Items []struct {
			UUID    UUID   `json:"uuid"`
			Backend string `json:"backend"`
		} `json:"items"`
	}
	err := d.a.call(ctx, request{
		method: http.MethodGet, service: serviceDird, path: "/directories/default/sources",
		query: url.Values{"backend": {"wazo"}}, timeout: d.a.c.cfg.Timeout,
	}, &answer)
	if err != nil {
		return err
	}
	found := sources{until: d.a.c.now().Add(sourcesTTL)}
	for _, item := range answer.Items {
		if item.Backend == "wazo" {
			found.uuids = append(found.uuids, item.UUID)
		}
	}
	if len(found.uuids) == 0 {
		return ErrNoDirectory
	}
	d.sources = found
	return nil
}
