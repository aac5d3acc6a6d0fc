package wazotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Limits of a subscription (docs/wazo.md, "Webhooks"), in code points.
const (
	maxHookName        = 128
	maxHookURL         = 8192
	maxHookBody        = 16384
	maxHookContentType = 256
)

// parseSubscription reads the body of a request that makes or changes a
// subscription. Unlike the other services, webhookd insists on the content type.
func (s *Server) parseSubscription(r *request, who caller, isOwn bool) (*subscription, *answer) {
	bad := badRequest()
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil, &bad
	}
	body, refusal := r.json()
	if refusal != nil {
		return nil, refusal
	}
	var sc schema
	fields := sc.loadObject(body)
	sub := &subscription{ownerTenant: who.acting, metadata: map[string]string{}}
	sub.service = text(sc.str(fields, "service", stringRule{required: true}))
	if raw, ok := sc.part(fields, "config"); ok {
		if config, isObject := raw.(map[string]any); !isObject {
			sc.fail("config", typeError("Not a valid mapping type.", "dict"))
		} else if sub.service == "http" {
			sub.config = sc.webhookConfig(config)
		} else {
			sub.rawConfig = orderedConfig(r.body)
		}
	}
	if raw, ok := sc.part(fields, "events"); ok {
		sub.events = sc.texts("events", raw)
	}
	sub.name = text(sc.str(fields, "name", stringRule{required: true, max: maxHookName}))
	sub.ownerUser, sub.eventsUser = sc.uuid(fields, "owner_user_uuid"), sc.uuid(fields, "events_user_uuid")
	sub.eventsWazo = sc.uuid(fields, "events_wazo_uuid")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		for key, value := range metadata {
			sub.metadata[key] = fmt.Sprint(value)
		}
	}
	if sc.errors != nil {
		bad = s.invalidData(sc.errors)
		return nil, &bad
	}
	if isOwn { // whatever was sent
		sub.ownerUser, sub.eventsUser, sub.eventsWazo, sub.ownerTenant = who.user, who.user, s.wazoUUID, who.tenant
	}
	return sub, nil
}

// part returns a required field of any kind.
func (s *schema) part(fields map[string]any, name string) (any, bool) {
	v, ok := fields[name]
	if !ok {
		s.fail(name, missingError())
	}
	return v, ok
}

func (s *schema) texts(name string, v any) []string {
	list, ok := v.([]any)
	if !ok {
		s.fail(name, typeError("Not a valid list.", "list"))
	}
	texts := make([]string, 0, len(list))
	for _, item := range list {
		texts = append(texts, fmt.Sprint(item))
	}
	return texts
}

// webhookConfig reads the config of the service "http".
func (s *schema) webhookConfig(fields map[string]any) (config webhookConfig) {
	var sc schema
	config.url = text(sc.str(fields, "url", stringRule{required: true, max: maxHookURL}))
	methods := []string{"head", "get", "post", "put", "delete"}
	config.method = strings.ToLower(text(sc.str(fields, "method", stringRule{required: true})))
	if config.method != "" && !slices.Contains(methods, config.method) {
		sc.fail("method", enumError(methods)[0]) // an object here, and no list
	}
	config.body = sc.str(fields, "body", stringRule{max: maxHookBody})
	config.contentType = sc.str(fields, "content_type", stringRule{max: maxHookContentType})
	config.verify = sc.str(fields, "verify_certificate", stringRule{})
	if v := config.verify; v != nil && *v != "true" && *v != "false" && !strings.HasPrefix(*v, "/") {
		sc.fail("verify_certificate", object{
			{"message", "Wrong value for verify_certificate"}, {"constraint_id", "verify-certificate-invalid"},
			{"constraint", []string{"true", "false", "/*"}},
		})
	}
	var unknown []string
	for name := range fields {
		if !slices.Contains([]string{"url", "method", "body", "content_type", "verify_certificate"}, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		sc.fail(name, []string{"Unknown field."})
	}
	if sc.errors != nil {
		s.fail("config", sc.errors)
	}
	return config
}

// orderedConfig returns the config of a body with its keys in the order in which they
// were sent: webhookd keeps what it does not know.
func orderedConfig(body []byte) object {
	var raw struct{ Config json.RawMessage }
	if json.Unmarshal(body, &raw) != nil {
		return object{}
	}
	dec := json.NewDecoder(bytes.NewReader(raw.Config))
	config := object{}
	if _, err := dec.Token(); err != nil {
		return config
	}
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			break
		}
		config = append(config, field{fmt.Sprint(key), value})
	}
	return config
}

// hookMethod is the HTTP method of a delivery.
func (c webhookConfig) hookMethod() string {
	if c.method == "" {
		return http.MethodPost
	}
	return strings.ToUpper(c.method)
}
