package wazoapi

import "strings"

// Contact is a person in the directory of a tenant
// (docs/wazo.md, "Directory contacts"). A text is "" where Wazo has null.
type Contact struct {
	UUID      UUID   `json:"uuid"`
	FirstName string `json:"firstname"`
	LastName  string `json:"lastname"`
	Email     string `json:"email"`
	Exten     string `json:"exten"` // the internal number
	Mobile    string `json:"mobile_phone_number"`
}

// Name returns the first and the last name. If the directory has neither, it
// returns the e-mail address, or else the extension, or else "".
func (c Contact) Name() string {
	if name := strings.TrimSpace(strings.TrimSpace(c.FirstName) + " " + strings.TrimSpace(c.LastName)); name != "" {
		return name
	}
	if c.Email != "" {
		return c.Email
	}
	return c.Exten
}
