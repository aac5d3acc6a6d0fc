package wazoapi

import "strings"

// Contact is a person in the directory of a tenant. Its texts are "" where
// Wazo has null.
type Contact struct {
	UUID      UUID   `json:"uuid"`
	FirstName string `json:"firstname"`
	LastName  string `json:"lastname"`
	Email     string `json:"email"`
	Exten     string `json:"exten"` // the internal number
}

// Name returns first and last name; the e-mail address or the extension if
// the directory has neither; "" if it has nothing.
func (c Contact) Name() string {
	if name := strings.TrimSpace(strings.TrimSpace(c.FirstName) + " " + strings.TrimSpace(c.LastName)); name != "" {
		return name
	}
	if c.Email != "" {
		return c.Email
	}
	return c.Exten
}
