package convert

// Functions that read fields of content of which nothing is known.

// objectIn returns the first of some fields that is an object, or nil.
func objectIn(content map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		if object, ok := content[key].(map[string]any); ok {
			return object
		}
	}
	return nil
}

// stringIn returns the first of some fields that is a string with something in it, or "".
func stringIn(content map[string]any, keys ...string) string {
	for _, key := range keys {
		if s, ok := content[key].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// listIn returns the first of some fields that is a list, or nil.
func listIn(content map[string]any, keys ...string) []any {
	for _, key := range keys {
		if list, ok := content[key].([]any); ok {
			return list
		}
	}
	return nil
}

// numberIn returns the first of some fields that is a number, or 0.
func numberIn(content map[string]any, keys ...string) float64 {
	for _, key := range keys {
		switch number := content[key].(type) {
		case float64:
			return number
		case int:
			return float64(number)
		}
	}
	return 0
}

// newestRaw returns what a content says: the new content of an edit.
func newestRaw(content map[string]any, isEdit bool) map[string]any {
	if isEdit {
		return objectIn(content, "m.new_content")
	}
	return content
}
