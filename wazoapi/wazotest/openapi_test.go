package wazotest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openAPIDir finds the services' OpenAPI files, which are not part of this
// project: $WAZO_OPENAPI_DIR, or shared/wazo/openapi in a parent folder.
func openAPIDir() (string, bool) {
	if dir := os.Getenv("WAZO_OPENAPI_DIR"); dir != "" {
		return dir, true
	}
	dir, err := os.Getwd()
	for err == nil {
		candidate := filepath.Join(dir, "shared", "wazo", "openapi")
		if info, statErr := os.Stat(candidate); statErr == nil && info.IsDir() {
			return candidate, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return "", false
}

// specification is one service's file.
type specification struct {
	prefix string
	doc    *openapi3.T
}

func loadSpecification(t *testing.T, dir, prefix, file string) specification {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	var old openapi2.T
	_, err = yaml.Unmarshal(raw, &old, yaml.DecodeOpts{})
	require.NoError(t, err, file)
	doc, err := openapi2conv.ToV3(&old)
	require.NoError(t, err, file)
	require.NoError(t, openapi3.NewLoader().ResolveRefsIn(doc, nil), file)
	amendAll(doc)
	return specification{prefix, doc}
}

// find returns the operation of a request with its path in the file, or nil.
func (s specification) find(method, path string) (string, *openapi3.Operation) {
	rest := strings.TrimPrefix(path, s.prefix)
	for pattern, item := range s.doc.Paths.Map() {
		if samePath(pattern, rest) {
			return pattern, item.GetOperation(method)
		}
	}
	return "", nil
}

// samePath matches a path against a pattern. A literal pattern wins, because
// "me" and "lookup" are no uuids.
func samePath(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		_, isUUID := parseUUID(have[i])
		switch {
		case strings.HasSuffix(want[i], "_or_me}"):
		case strings.HasPrefix(want[i], "{") && strings.HasSuffix(want[i], "uuid}"):
			if !isUUID {
				return false
			}
		case !strings.HasPrefix(want[i], "{") && want[i] != have[i]:
			return false
		}
	}
	return true
}

// specGap is something that a file does not say, or says wrong, about an answer
// that was recorded. All of them are listed here
// (docs/wazo.md, "Gaps of the OpenAPI files").
type specGap struct {
	suffix string // of "METHOD /path STATUS", with the path of the file
	reason string
}

// undescribed are answers of which the files say nothing.
func undescribed() []specGap {
	return []specGap{
		{"POST /token 404", "an unknown tenant_id"},
		{"POST /token 429", "too many sessions"},
		{"GET /users/me/rooms 400", "a bad user_uuid"},
		{"GET /directories/lookup/{profile} 400", "no term"},
		{"/contacts 400", "a bad limit, offset, order or direction"},
		{" 401", "hardly any route says that a token may be refused"},
		{" 500", "crashes, and what is left of RabbitMQ's absence"},
		{" 503", "wazo-auth cannot be reached"},
	}
}

// nullableProperties are null in recordings. Swagger 2 cannot say so.
func nullableProperties() []string {
	return []string{
		"alias", "backend", "binding", "identity", "last_activity", "name", "status", "pbx_user_uuid", "xivo_user_uuid",
		"email", "exten", "firstname", "lastname", "mobile_phone_number", "voicemail_number",
	}
}

// amend makes the schemas of a file say what is true of the recordings.
func amend(schema *openapi3.SchemaRef, name string, seen map[*openapi3.Schema]bool) {
	if schema == nil || schema.Value == nil || seen[schema.Value] {
		return
	}
	seen[schema.Value] = true
	if slices.Contains(nullableProperties(), name) {
		schema.Value.Nullable = true
	}
	switch name {
	case "timestamp", // "array of string" in auth's file: a list of numbers
		"column_values", // "array of string" in dird's file: null and booleans too
		"relations",     // strings in dird's file: some are numbers, some null
		"scopes":        // an array in auth's file: an object
		*schema.Value = openapi3.Schema{}
	}
	for property, sub := range schema.Value.Properties {
		amend(sub, property, seen)
	}
	amend(schema.Value.Items, "", seen)
	for _, sub := range schema.Value.AllOf {
		amend(sub, name, seen)
	}
}

// amendAll amends every schema of an answer.
func amendAll(doc *openapi3.T) {
	seen := map[*openapi3.Schema]bool{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, response := range op.Responses.Map() {
				for _, media := range response.Value.Content {
					amend(media.Schema, "", seen)
				}
			}
		}
	}
}

// TestAnswersFollowTheOpenAPIFiles replays the recordings and validates each
// JSON answer against the schema that its service publishes.
func TestAnswersFollowTheOpenAPIFiles(t *testing.T) {
	t.Parallel()
	dir, ok := openAPIDir()
	if !ok {
		t.Skip("the services' OpenAPI files are not here; set WAZO_OPENAPI_DIR to check the answers against them")
	}
	specs := []specification{
		loadSpecification(t, dir, "/api/auth/0.1", "auth-0.1.yml"),
		loadSpecification(t, dir, "/api/chatd/1.0", "chatd-1.0.yml"),
		loadSpecification(t, dir, "/api/dird/0.1", "dird-0.1.yml"),
		loadSpecification(t, dir, "/api/confd/1.1", "confd-1.1.yml"),
	}
	validated, used := 0, map[string]bool{}
	var r *replay
	onAnswer := func(method, path string, status int, contentType string, body []byte) {
		if contentType != "application/json" || len(body) == 0 {
			return
		}
		for _, spec := range specs {
			if !strings.HasPrefix(path, spec.prefix) {
				continue
			}
			pattern, op := spec.find(method, path)
			if op == nil {
				return // a path or method that does not exist: the contract test has compared it
			}
			operation := fmt.Sprintf("%s %s %d", method, pattern, status)
			if op.Responses.Status(status) == nil {
				gap := knownGap(operation)
				if used[gap] = true; gap == "" {
					r.fail("%s is not described", operation)
				}
				return
			}
			if err := validate(op, status, body); err != nil {
				r.fail("%s: %v", operation, err)
			}
			validated++
		}
	}
	for _, r = range replays(t) {
		r.onAnswer = onAnswer
		r.runAll()
		for _, diff := range r.diffs {
			t.Error(diff)
		}
	}
	for _, gap := range undescribed() {
		assert.True(t, used[gap.suffix], "no answer needs the exception for %s any more", gap.suffix)
	}
	t.Logf("validated %d answers", validated)
	assert.Greater(t, validated, 100)
}

func knownGap(operation string) string {
	for _, gap := range undescribed() {
		if strings.HasSuffix(operation, gap.suffix) {
			return gap.suffix
		}
	}
	return ""
}

func validate(op *openapi3.Operation, status int, body []byte) error {
	media := op.Responses.Status(status).Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil // described, without a schema
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return media.Schema.Value.VisitJSON(v, openapi3.MultiErrors())
}
