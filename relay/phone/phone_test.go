package phone

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	const montreal, paris, berlin = "+15145550101", "+33612345678", "+4915112345678"
	for _, tt := range []struct{ name, text, own, want string }{
		{"the form of Wazo", "+15145550111", "", "+15145550111"},
		{"with blanks and brackets", " +1 (514) 555-0111 ", paris, "+15145550111"},
		{"without country code, in North America", "514-555-0111", montreal, "+15145550111"},
		{"with the 1 of North America", "1.514.555.0111", montreal, "+15145550111"},
		{"without country code, in France", "06 12 34 56 78", paris, "+33612345678"},
		{"without country code, in Germany", "0151/12345678", berlin, "+4915112345678"},
		{"with 00 in France", "0033612345678", paris, "+33612345678"},
		{"with 011 in North America", "011 33 6 12 34 56 78", montreal, "+33612345678"},
		{"Arabic digits", "+٣٣٦١٢٣٤٥٦٧٨", "", "+33612345678"},
		{"dashes of a word processor", "+1 514‑555–0111", "", "+15145550111"},
		{"no country is known", "514-555-0111", "", ""},
		{"a short code", "24680", montreal, ""},
		{"a name of a sender", "INFO", montreal, ""},
		{"letters of a telephone's keys", "1-800-FLOWERS", montreal, ""},
		{"an extension", "+1 514 555 0111 ext. 5", "", ""},
		{"a number too long", "+1514555011122334455", "", ""},
		{"nothing", "", montreal, ""},
		{"emoji", "☎️ 514-555-0111", montreal, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Normalize(tt.text, tt.own)
			if tt.want == "" {
				require.ErrorIs(t, err, ErrNoNumber)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"+15145550111": "+1 514-555-0111", "+33612345678": "+33 6 12 34 56 78", "INFO": "INFO", "24680": "24680", "": "", "514-555-0111": "514-555-0111",
	} {
		assert.Equal(t, want, Readable(number))
	}
	assert.Equal(t, "5145550111", National("+15145550111"))
	assert.Empty(t, National("INFO"))
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"nothing", "", 1},
		{"160 characters", strings.Repeat("a", 160), 1},
		{"161 characters", strings.Repeat("a", 161), 2},
		{"two full parts", strings.Repeat("a", 306), 2},
		{"one more", strings.Repeat("a", 307), 3},
		{"80 euro signs", strings.Repeat("€", 80), 1},
		{"81 euro signs", strings.Repeat("€", 81), 2},
		{"a character is not divided", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3},
		{"70 other characters", strings.Repeat("ж", 70), 1},
		{"71 other characters", strings.Repeat("ж", 71), 2},
		{"one emoji costs the alphabet", strings.Repeat("a", 69) + "👍", 2},
		{"5,000 characters", strings.Repeat("a", 5000), 33},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, Segments(tt.text)) })
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"+15145550111", "0612345678", "INFO", "☎"} {
		f.Add(seed, "+33612345678")
	}
	f.Fuzz(func(t *testing.T, text, own string) {
		number, err := Normalize(text, own)
		if err != nil {
			return
		}
		if again, err := Normalize(number, own); err != nil || again != number {
			t.Fatalf("%q became %q, and that %q (%v)", text, number, again, err)
		}
		if Segments(text) < 1 {
			t.Fatal("no text message")
		}
	})
}
