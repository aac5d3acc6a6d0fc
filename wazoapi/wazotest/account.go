package wazotest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Purposes of an account (docs/wazo.md, "Account purposes").
const (
	PurposeUser        = "user"
	PurposeExternalAPI = "external_api"
	PurposeInternal    = "internal"
)

// Tenant is a tenant of the server.
type Tenant struct {
	UUID string
	Name string
}

// User is an account, and, if its purpose is "user", the confd user of the same
// uuid and its entry in the directory.
type User struct {
	UUID      string // made by AddUser if empty
	Username  string
	Password  string
	Firstname string // empty is null everywhere
	Lastname  string
	Exten     string
	Email     string // also a login name
	Tenant    Tenant
	Purpose   string   // default PurposeUser
	Admin     bool     // has the tenant's admin policy, sees all events of the tenant
	ACL       []string // own policies, besides DefaultUserPolicy; "!…" denies. nil is the default user group
	Enabled   bool     // set by AddUser; see SetEnabled
	LDAP      bool     // logs in with a domain of the tenant, see SetDomains, and not without

	// Only for the directory.
	ID          int // confd's id, made by AddUser if 0
	Mobile      string
	Voicemail   string
	Description string // searched, not shown
	Userfield   string // searched, not shown
}

// account is a user with what the services keep about it.
type account struct {
	User
	emailUUID     string
	sessions      map[string]*session
	refreshTokens map[string]*refreshToken // by client id
	presence      presence
	deleted       bool
}

// Master returns the master tenant, parent of all others.
func (s *Server) Master() Tenant { return s.master }

// AddTenant makes a tenant with its directory profile "default" and the five
// sources of it (docs/wazo.md, "Directory sources").
func (s *Server) AddTenant(name string) Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTenant(name)
}

func (s *Server) addTenant(name string) Tenant {
	return s.addTenantAs(newUUID(), name)
}

func (s *Server) addTenantAs(uuid, name string) Tenant {
	tenant := Tenant{UUID: uuid, Name: name}
	s.tenants[tenant.UUID] = tenant
	s.addSources(tenant)
	return tenant
}

// SetDomains gives a tenant the domain names by which its people log in with
// LDAP (docs/wazo.md, "LDAP"). It had none before, or loses others.
func (s *Server) SetDomains(tenant Tenant, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.domains, func(_, uuid string) bool { return uuid == tenant.UUID })
	for _, name := range names {
		s.domains[name] = tenant.UUID
	}
}

// AddUser makes an account and returns it with what was filled in. It panics on
// a mistake that no test can mean: no tenant, or a login or uuid that is taken.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.UUID == "" {
		u.UUID = newUUID()
	}
	if u.Purpose == "" {
		u.Purpose = PurposeUser
	}
	if _, ok := s.tenants[u.Tenant.UUID]; !ok {
		panic(fmt.Sprintf("wazotest: user %q has no tenant of this server", u.Username))
	}
	if s.accounts[u.UUID] != nil || s.findLogin(u.Username) != nil {
		panic(fmt.Sprintf("wazotest: user %q exists already", u.Username))
	}
	if u.ID == 0 {
		s.lastID++
		u.ID = s.lastID
	}
	s.lastID = max(s.lastID, u.ID)
	u.Enabled = true
	s.accounts[u.UUID] = &account{
		User:          u,
		emailUUID:     newUUID(),
		sessions:      map[string]*session{},
		refreshTokens: map[string]*refreshToken{},
		presence:      presence{state: "unavailable"},
	}
	s.accountOrder = append(s.accountOrder, u.UUID)
	return u
}

// SetEnabled disables an account, which ends its sessions and makes refreshing
// fail, or enables it again (docs/wazo.md, "Refresh tokens").
func (s *Server) SetEnabled(u User, enabled bool) {
	s.mu.Lock()
	a := s.account(u)
	a.Enabled = enabled
	s.mu.Unlock()
	if !enabled {
		s.RevokeTokens(u)
	}
}

// SetPassword changes a password, which ends all sessions but keeps refresh
// tokens (docs/wazo.md, "Refresh tokens").
func (s *Server) SetPassword(u User, password string) {
	s.mu.Lock()
	s.account(u).Password = password
	s.mu.Unlock()
	s.RevokeTokens(u)
}

// SetUsername renames an account. Its sessions stay, but its refresh tokens stop
// working: they know the account by the name that it logged in with
// (docs/wazo.md, "Refresh tokens"). It panics if the name is taken.
func (s *Server) SetUsername(u User, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(u)
	if other := s.findLogin(username); other != nil && other != a {
		panic(fmt.Sprintf("wazotest: user %q exists already", username))
	}
	a.Username = username
}

// SetACL replaces an account's own policies, see [User.ACL]. Tokens that exist
// keep what they may do (docs/wazo.md, "Access rights"). The default policy can
// only be narrowed, by entries that begin with "!".
func (s *Server) SetACL(u User, acl []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(u).ACL = acl
}

// DeleteUser deletes an account with its refresh tokens, its presence and its
// entry in the directory. It stays a member of its rooms, and its access tokens
// work until they end (docs/wazo.md, "Refresh tokens").
func (s *Server) DeleteUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(u)
	a.deleted = true
	clear(a.refreshTokens)
	s.accountOrder = slices.DeleteFunc(s.accountOrder, func(uuid string) bool { return uuid == a.UUID })
}

// SetName changes an account's names in the directory.
func (s *Server) SetName(u User, firstname, lastname string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(u)
	a.Firstname, a.Lastname = firstname, lastname
}

// account returns the account of a user of this server, and panics for others.
func (s *Server) account(u User) *account {
	a := s.accounts[u.UUID]
	if a == nil {
		panic(fmt.Sprintf("wazotest: no user %q on this server", u.Username))
	}
	return a
}

// findLogin finds an account by username or e-mail address, whatever the case
// (docs/wazo.md, "Log in"), or nil.
func (s *Server) findLogin(login string) *account {
	for _, uuid := range s.accountOrder {
		a := s.accounts[uuid]
		if strings.EqualFold(a.Username, login) || a.Email != "" && strings.EqualFold(a.Email, login) {
			return a
		}
	}
	return nil
}

// mayUse tells whether an account of tenant own may act in tenant other.
func (s *Server) mayUse(own, other string) bool {
	_, exists := s.tenants[other]
	return own == other || own == s.master.UUID && exists
}

// usersOf returns the confd users of a tenant in the order of their creation.
func (s *Server) usersOf(tenants ...string) []*account {
	var users []*account
	for _, uuid := range s.accountOrder {
		a := s.accounts[uuid]
		if a.Purpose == PurposeUser && slices.Contains(tenants, a.Tenant.UUID) {
			users = append(users, a)
		}
	}
	return users
}
