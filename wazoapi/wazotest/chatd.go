package wazotest

import "net/http"

func (s *Server) chatdService() *service {
	routes := append(s.connectorRoutes(), []route{
		{"/1.0/users/me/rooms", map[string]handler{http.MethodGet: s.listRooms, http.MethodPost: s.postRoom}},
		{"/1.0/users/me/rooms/messages", map[string]handler{http.MethodGet: s.searchMessages}},
		{"/1.0/users/me/rooms/{room}/messages", map[string]handler{http.MethodGet: s.listMessages, http.MethodPost: s.postMessage}},
		{"/1.0/users/presences", map[string]handler{http.MethodGet: s.listPresences}},
		{"/1.0/users/{user}/presences", map[string]handler{http.MethodGet: s.readPresence, http.MethodPut: s.putPresence}},
		{"/1.0/status", map[string]handler{http.MethodGet: s.chatdStatus}},
		{"/1.0/config", map[string]handler{http.MethodGet: s.chatdConfig}},
	}...)
	return &service{name: "chatd", plugin: s.pluginRoutes(), hasPlugin: s.hasPlugin, routes: routes}
}

// chatdStatus answers GET /status (docs/wazo.md, "Presences").
func (s *Server) chatdStatus(r *request) answer {
	if _, refusal := s.authorize(r, "chatd.status.read"); refusal != nil {
		return *refusal
	}
	state := func(ok bool) object {
		if ok {
			return object{{"status", "ok"}}
		}
		return object{{"status", "fail"}}
	}
	backends := 0
	if s.hasSMS() {
		backends = 1
	}
	connectors := append(state(true), object{
		{"backends_registered", backends}, {"in_flight", 0}, {"delivery_restart_count", 0},
		{"listener_restart_count", 0}, {"instances", 0},
	}...)
	return jsonAnswer(http.StatusOK, object{
		{"connectors", connectors},
		{"presence_initialization", state(true)},
		{"rest_api", state(true)},
		{"bus_consumer", state(!s.faults.busLost())},
		{"master_tenant", state(true)},
	})
}

// chatdConfig answers GET /config, which only tells who may not read it.
func (s *Server) chatdConfig(r *request) answer {
	if _, refusal := s.authorize(r, "chatd.config.read"); refusal != nil {
		return *refusal
	}
	return jsonAnswer(http.StatusOK, object{{"debug", false}})
}
