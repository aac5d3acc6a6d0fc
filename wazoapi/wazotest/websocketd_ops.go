package wazotest

import "encoding/json"

// command handles one frame of the client (docs/wazo.md, "Frames"). Whatever is
// wrong with it is a protocol error, which ends the connection.
func (c *wsClient) command(frame []byte) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(frame, &fields) != nil || fields == nil {
		c.close(closing{code: 4004})
		return
	}
	op, _ := stringField(fields, "op")
	ok := false
	switch op {
	case "start":
		c.start()
		ok = true
	case "subscribe":
		ok = c.subscribe(fields)
	case "token":
		ok = c.renew(fields)
	case "ping":
		ok = c.pong(fields)
	}
	if !ok {
		c.close(closing{code: 4004})
	}
}

func (c *wsClient) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version >= 2 || !c.started {
		c.enqueue(acknowledge("start"))
	}
	c.started = true
}

func (c *wsClient) subscribe(fields map[string]json.RawMessage) bool {
	name, ok := dataField(fields, "event_name")
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subscribed[name] = true
	c.confirm("subscribe")
	return true
}

// renew takes a new token. The ACL filter uses it from now on; the bindings
// stay those of the first one (docs/wazo.md, "Token renewal").
func (c *wsClient) renew(fields map[string]json.RawMessage) bool {
	token, ok := dataField(fields, "token")
	if !ok {
		return false
	}
	ses := c.server.websocketSession(token)
	if ses == nil {
		c.close(closing{4002, "authentication failed"})
		return true
	}
	c.mu.Lock()
	c.session = ses
	c.confirm("token")
	c.mu.Unlock()
	c.scheduleCheck()
	return true
}

func (c *wsClient) pong(fields map[string]json.RawMessage) bool {
	if c.version < 2 {
		return true // silently ignored
	}
	payload, ok := dataField(fields, "payload")
	if ok {
		c.reply(object{{"op", "pong"}, {"code", 0}, {"data", object{{"payload", payload}}}})
	}
	return ok
}

// confirm answers a command, which version 1 does before "start" only. The
// caller holds c.mu.
func (c *wsClient) confirm(op string) {
	if c.version >= 2 || !c.started {
		c.enqueue(acknowledge(op))
	}
}

func acknowledge(op string) []byte {
	return mustJSON(object{{"op", op}, {"code", 0}, {"data", nil}})
}

// dataField returns a string out of a command's data.
func dataField(fields map[string]json.RawMessage, name string) (string, bool) {
	var data map[string]json.RawMessage
	if json.Unmarshal(fields["data"], &data) != nil {
		return "", false
	}
	return stringField(data, name)
}

func stringField(fields map[string]json.RawMessage, name string) (string, bool) {
	var s *string
	if json.Unmarshal(fields[name], &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}
