// Package phone reads and writes telephone numbers, and counts text messages. It knows no account and asks nobody.
package phone

import (
	"errors"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// ErrNoNumber is the error for a text that is no telephone number that can be written to from everywhere.
var ErrNoNumber = errors.New("not a telephone number")

// Normalize returns a number in the form that Wazo uses, E.164, such as "+15145550111". A number without country code
// is taken for one of the country of an own number, which may be empty. Short codes and names of senders are no
// numbers: nobody can answer them. The error is ErrNoNumber.
func Normalize(text, own string) (string, error) {
	// The library reads letters as the keys of a telephone, and stops at what it does not know.
	if strings.ContainsFunc(text, isForeign) {
		return "", ErrNoNumber
	}
	number, err := phonenumbers.Parse(text, country(own))
	if err != nil || number.GetExtension() != "" || !phonenumbers.IsPossibleNumber(number) {
		return "", ErrNoNumber
	}
	normal := phonenumbers.Format(number, phonenumbers.E164)
	if again, err := phonenumbers.Parse(normal, "ZZ"); err != nil || phonenumbers.Format(again, phonenumbers.E164) != normal {
		return "", ErrNoNumber // such as one of zeros
	}
	return normal, nil
}

// isForeign reports whether a character does not belong to the spelling of a number.
func isForeign(c rune) bool {
	return !unicode.IsDigit(c) && !unicode.IsSpace(c) && !strings.ContainsRune("+-().,/\u2010\u2011\u2013", c)
}

// country returns the country of a number, "ZZ" (none) if it cannot be told.
func country(number string) string {
	parsed, err := phonenumbers.Parse(number, "ZZ")
	if err != nil {
		return "ZZ"
	}
	// A number that is not assigned yet has a country code all the same.
	if region := phonenumbers.GetRegionCodeForNumber(parsed); region != "" {
		return region
	}
	return phonenumbers.GetRegionCodeForCountryCode(int(parsed.GetCountryCode()))
}

// Readable returns a number as people write it internationally, such as "+1 514-555-0111". What is no number, such as
// the name of a sender, is returned as it is.
func Readable(number string) string {
	parsed, err := phonenumbers.Parse(number, "ZZ")
	if err != nil || strings.ContainsFunc(number, isForeign) {
		return number
	}
	return phonenumbers.Format(parsed, phonenumbers.INTERNATIONAL)
}

// National returns the digits of a number without its country code: as it may be written in a directory. It is empty
// for what is no number.
func National(number string) string {
	parsed, err := phonenumbers.Parse(number, "ZZ")
	if err != nil {
		return ""
	}
	return phonenumbers.GetNationalSignificantNumber(parsed)
}
