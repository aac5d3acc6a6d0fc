package convert

import (
	"slices"
	"strings"
	"testing"
)

func TestPeopleWithTheSameNameAreToldApart(t *testing.T) {
	for _, test := range []struct {
		name   string
		people []Namesake
		want   []string
	}{
		{"different names stay", []Namesake{{ID: "a1", Name: "Ann"}, {ID: "b2", Name: "Bea"}}, []string{"Ann", "Bea"}},
		{"by extension", []Namesake{{"a1", "Ann", "1001"}, {"b2", "Ann", "1002"}}, []string{"Ann (1001)", "Ann (1002)"}},
		{"by uuid", []Namesake{{ID: "3f2a77aa-1", Name: "Ann"}, {ID: "3f2b77aa-1", Name: "Ann"}}, []string{"Ann (3f2a)", "Ann (3f2b)"}},
		{"by more of the uuid", []Namesake{{ID: "3f2a7711", Name: "Ann"}, {ID: "3f2a7722", Name: "Ann"}}, []string{"Ann (3f2a771)", "Ann (3f2a772)"}},
		{"one has no extension", []Namesake{{"a1b2c3d4", "Ann", "1001"}, {ID: "b2c3d4e5", Name: "Ann"}}, []string{"Ann (1001)", "Ann (b2c3)"}},
		{"they share the extension", []Namesake{{"a1b2c3d4", "Ann", "1001"}, {"b2c3d4e5", "Ann", "1001"}}, []string{"Ann (a1b2)", "Ann (b2c3)"}},
		{"case and blanks do not tell apart", []Namesake{{"a", "Ann  Smith", "1"}, {"b", "ann smith", "2"}}, []string{"Ann Smith (1)", "ann smith (2)"}},
		{"one person who is there twice", []Namesake{{"a", "Ann", "1"}, {"a", "Ann", "1"}}, []string{"Ann", "Ann"}},
		{"people without name", []Namesake{{ID: "3f2a77aa"}, {ID: "4f2a77aa"}}, []string{"Wazo user 3f2a77aa", "Wazo user 4f2a77aa"}},
		{"nobody", nil, []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := TellApart(test.people); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLongNamesKeepWhatTellsThemApart(t *testing.T) {
	name := strings.Repeat("a", 300)
	for i, got := range TellApart([]Namesake{{"1", name, "1001"}, {"2", name, "1002"}}) {
		if len(got) != MaxProfileBytes || !strings.HasSuffix(got, []string{" (1001)", " (1002)"}[i]) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	}
}

// Names of different people differ, unless their uuids look the same.
func FuzzTellApart(f *testing.F) {
	f.Add("a1a1a1a1", "Ann", "b2b2", "b2b2b2b2", "Ann", "")
	f.Add("a1", "Ann (1)", "", "b2", "Ann", "1")
	f.Add("", "", "", "x", "\u200b", "()")
	f.Fuzz(func(t *testing.T, id1, name1, extension1, id2, name2, extension2 string) {
		names := TellApart([]Namesake{{id1, name1, extension1}, {id2, name2, extension2}})
		for _, name := range names {
			if len(name) > MaxProfileBytes || !readable(name) || CleanName(name, MaxProfileBytes) != name {
				t.Errorf("bad name %q", name)
			}
		}
		const uuid = 8 // an id with fewer digits is none
		if cleanID(id1) != cleanID(id2) && len(cleanID(id1)) >= uuid && len(cleanID(id2)) >= uuid && names[0] == names[1] {
			t.Errorf("both are %q", names[0])
		}
	})
}
