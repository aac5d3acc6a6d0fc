package convert

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
)

// parseTemplate parses tmpl and tries it with each sample, so that the administrator
// learns of a mistake at the start. The errors name the fields that exist.
func parseTemplate(tmpl, fields string, samples ...any) (*template.Template, error) {
	t, err := template.New("format").Parse(tmpl)
	if err != nil {
		return nil, fmt.Errorf("template %q cannot be read; fields are written like {{%s}}: %w",
			tmpl, strings.Fields(fields)[0], err)
	}
	for _, sample := range samples {
		if _, err := execute(t, sample); err != nil {
			// An administrator knows no types of this package.
			reason := strings.ReplaceAll(err.Error(), fmt.Sprintf(" in type %T", sample), "")
			return nil, fmt.Errorf("template %q cannot be used; the fields are %s: %s", tmpl, fields, reason)
		}
	}
	return t, nil
}

func execute(t *template.Template, data any) (string, error) {
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			return "", inner
		}
		return "", err
	}
	return out.String(), nil
}
