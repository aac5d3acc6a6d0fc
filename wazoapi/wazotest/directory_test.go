package wazotest

import "github.com/stretchr/testify/require"

// recordedServer are the uuids of the lab in which the recordings were made.
const recordedServer = "6e9ff4e5-1d1c-4f5c-9a3e-0a2f5d4b7c11"

// accounts makes the tenants and the accounts of the recordings' README, with
// their recorded uuids. The names are those of the token labels.
func accounts(s *Server) map[string]User {
	acme, globex := s.AddTenant("acme"), s.AddTenant("globex")
	service := []string{
		"chatd.users.*.presences.read", "chatd.users.me.rooms.#", "chatd.users.presences.read", "websocketd",
		"auth.tenants.read", "confd.users.read", "auth.users.read", "events.chatd.#", "webhookd.subscriptions.#",
	}
	users := map[string]User{}
	for name, u := range map[string]User{
		"alice":      {ID: 11, UUID: "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77", Username: "alice@acme.example", Email: "alice@acme.example", Firstname: "Alice", Lastname: "Martin", Exten: "1001", Mobile: "+15145550101", Voicemail: "1001"},
		"bob":        {ID: 12, UUID: "8fe5931d-1002-44c3-9b26-c9ed82a5ea08", Username: "bob@acme.example", Email: "bob@acme.example", Firstname: "Bob", Lastname: "Tremblay", Exten: "1002", Mobile: "+15145550102"},
		"carol":      {ID: 13, UUID: "1fcd2252-faba-43be-9bf4-dcf3bc02b492", Username: "carol@acme.example", Email: "carol@acme.example", Firstname: "Carol", Lastname: "Nguyen", Exten: "1003", Userfield: "sales"},
		"dave":       {ID: 14, UUID: "313bfdfe-bfae-4f5c-a9e8-89ff9cf3558d", Username: "dave@acme.example", Email: "dave@acme.example", Firstname: "Dave", Lastname: "Roy", Exten: "1004", Description: "warehouse"},
		"tadmin":     {ID: 15, UUID: "1f3fa454-8801-4eb0-b4cd-16a097ef88b0", Username: "tadmin", Firstname: "Tina", Lastname: "Admin", Admin: true},
		"limited":    {ID: 17, UUID: "f758aa59-5be6-4774-a09b-28e0a53fadb0", Username: "limited", Firstname: "limited", ACL: []string{"websocketd", "auth.users.me.tokens.#", "chatd.users.me.rooms.read"}},
		"nows":       {ID: 18, UUID: "32098204-d206-4365-98ca-79aae42e2398", Username: "nows", Firstname: "nows", ACL: []string{"chatd.users.me.rooms.read"}},
		"svc_ext":    {ID: 901, UUID: "0a615b80-82e9-479d-9db6-eb62dfc2ec92", Username: "svc-ext", Purpose: PurposeExternalAPI, ACL: service},
		"svc_int":    {ID: 902, UUID: "ffb954da-df34-4797-9372-d75d34fbff21", Username: "svc-int", Purpose: PurposeInternal, ACL: service},
		"zoe":        {ID: 51, UUID: "4ee398b7-6865-4074-ba85-476fc8f254c3", Username: "zoe@globex.example", Email: "zoe@globex.example", Firstname: "Zoe", Lastname: "Other", Exten: "2001", Tenant: globex},
		"master_ext": {ID: 903, UUID: "3c7ff1c1-7077-4fe5-83ed-f65818359190", Username: "master-ext", Purpose: PurposeExternalAPI, ACL: []string{"#"}, Tenant: s.Master()},
		"root":       {ID: 904, Username: "root", Purpose: PurposeInternal, ACL: []string{"#"}, Tenant: s.Master()},
	} {
		if u.Tenant.UUID == "" {
			u.Tenant = acme
		}
		u.Password = "password"
		users[name] = s.AddUser(u)
	}
	return users
}

// bindServer tells the comparer whose recorded uuids are whose here.
func (r *replay) bindServer() {
	r.bind(recordedServer, r.server.UUID())
	for _, u := range r.users {
		r.bind(u.UUID, u.UUID)
		r.bind(u.Tenant.UUID, u.Tenant.UUID)
	}
}

// bindTenants tells the comparer the recorded uuids of the tenants of accounts.
func (r *replay) bindTenants() {
	for _, name := range []string{"alice", "zoe", "master_ext"} {
		recorded := map[string]string{
			"alice":      "64d26dd8-ec82-45b8-bfa6-8c7e9dd3aa73",
			"zoe":        "a5690475-8c43-4d09-99dd-12c11da1c2a6",
			"master_ext": "9bbb2637-7bc7-40d9-966d-a78f4c3477af",
		}[name]
		r.bind(recorded, r.users[name].Tenant.UUID)
	}
}

// addDirectory adds the accounts that were made before wazo-dird was recorded,
// and tells the comparer which source is which.
func addDirectory(r *replay) {
	acme := r.users["alice"].Tenant
	for name, u := range map[string]User{
		"erin":   {ID: 16, Username: "erin@acme.example", Firstname: "Erin", Lastname: "Stone"},
		"nodird": {ID: 21, Username: "nodird", Firstname: "nodird", Lastname: "Zzz", ACL: []string{"!dird.#"}},
	} {
		u.Tenant, u.Password = acme, "password"
		r.users[name] = r.server.AddUser(u)
	}
	for _, u := range directory() {
		u.Tenant = acme
		require.NotEmpty(r.t, r.server.AddUser(u).UUID)
		r.bind(u.UUID, u.UUID)
	}
	recorded := map[string]string{
		"auto_wazo_acme": "fae9e10d-fe46-43b8-8384-6d3256813c34", "auto_wazo_globex": "38001c66-f28a-4ded-9d6e-9afb5672a35c",
		"personal": "6a901964-bdee-4b27-8a89-890b1a781aa6",
	}
	for _, src := range r.server.sources {
		if uuid := recorded[src.name]; uuid != "" && (src.name != "personal" || src.tenant == acme.UUID) {
			r.bind(uuid, src.uuid)
		}
	}
}

// directory are the people of acme who have no part in other recordings.
func directory() []User {
	return []User{
		{ID: 19, UUID: "0a1dc02f-0366-468d-bff9-63e49ecd34bf", Username: "c19", Firstname: "Éloïse", Lastname: "Côté-Gagné", Email: "eloise@acme.example", Exten: "1010"},
		{ID: 20, UUID: "84de7f1a-a2a8-485e-a271-e99523558d70", Username: "c20", Firstname: "François", Lastname: "Lefèbvre", Email: "francois@acme.example", Exten: "1011"},
		{ID: 100, UUID: "1453ff73-26cf-5cc7-bc69-1c44c73497cf", Username: "c100", Firstname: "Ágnes", Lastname: "Alarie", Exten: "1100"},
		{ID: 101, UUID: "f6e8aeac-8860-5cff-8fe3-af943608a3bb", Username: "c101", Firstname: "Björn", Lastname: "Bélanger", Exten: "1101"},
		{ID: 102, UUID: "db70ff30-6cfb-5c36-9ba6-068921bbb622", Username: "c102", Firstname: "Chloé", Lastname: "D'Amour", Exten: "1102"},
		{ID: 103, UUID: "54b04f1c-1e93-50cc-a3bd-6d158c418848", Username: "c103", Firstname: "Dürer", Lastname: "Gagné", Exten: "1103"},
		{ID: 104, UUID: "46f29c85-145c-56e6-9713-aacb2179173c", Username: "c104", Firstname: "Émile", Lastname: "Lévesque"},
		{ID: 105, UUID: "198e3739-9539-5fa8-b99d-90d725517b0c", Username: "c105", Firstname: "Fatou", Lastname: "Müller", Exten: "1105"},
		{ID: 106, UUID: "af8f9a9e-a2e9-57ed-a5c3-ff05722dd494", Username: "c106", Firstname: "Gaël", Lastname: "Ñandú", Exten: "1106"},
		{ID: 107, UUID: "c11d4ea1-316c-5fb9-8a0a-efd677c7830c", Username: "c107", Firstname: "Hélène", Lastname: "O'Brien", Exten: "1107"},
		{ID: 108, UUID: "37957125-f361-59ad-b0f0-2349da9d6313", Username: "c108", Firstname: "Inès", Lastname: "Пушкин", Exten: "1108"},
		{ID: 109, UUID: "6e29a3c9-bc5b-5e86-b6dc-dfda325f7b5c", Username: "c109", Firstname: "Jürgen", Lastname: "Saint-Pierre"},
		{ID: 110, UUID: "c1da12c3-bfdd-544a-ac44-2d642515ac61", Username: "c110", Firstname: "Karel", Exten: "1110"},
		{ID: 111, UUID: "a3caa902-479e-5c87-8bab-2588257dd906", Username: "c111", Firstname: "Łukasz", Lastname: "Žižek", Exten: "1111"},
		{ID: 112, UUID: "181b9fe4-ef6a-5427-b3f3-4236fea99aee", Username: "c112", Firstname: "Małgorzata", Lastname: "王", Exten: "1112"},
		{ID: 113, UUID: "5761eefe-b680-59ac-9c2d-4a735d5a8c3b", Username: "c113", Firstname: "Noël", Lastname: "Østergård", Exten: "1113"},
		{ID: 114, UUID: "032f7848-1739-5b86-b142-e207af370446", Username: "c114", Firstname: "Øyvind", Lastname: "Çelik"},
		{ID: 115, UUID: "8125b5e0-5aa2-5d28-abc5-d3efaca85df0", Username: "c115", Firstname: "Petr", Lastname: "Alarie", Exten: "1115"},
		{ID: 116, UUID: "118d6f19-da9a-5d4f-ad10-a80d399f316a", Username: "c116", Firstname: "Quentin", Lastname: "Bélanger", Exten: "1116"},
		{ID: 117, UUID: "a10bdfd5-af7f-58ff-b335-9010a29ca559", Username: "c117", Firstname: "Renée", Lastname: "D'Amour", Exten: "1117"},
		{ID: 118, UUID: "63bad6ec-60aa-5131-9886-8fea73bb4609", Username: "c118", Firstname: "Søren", Lastname: "Gagné", Exten: "1118"},
		{ID: 119, UUID: "036ca4f6-3ce4-5196-ad39-34c0de760082", Username: "c119", Firstname: "Thérèse", Lastname: "Lévesque"},
		{ID: 120, UUID: "a490b0c7-fb8c-51b3-9037-0b6f10838fb9", Username: "c120", Firstname: "Ulf", Lastname: "Müller", Exten: "1120"},
		{ID: 121, UUID: "7c48982f-cf34-52d6-8514-999f5ff00af0", Username: "c121", Firstname: "Věra", Lastname: "Ñandú", Exten: "1121"},
		{ID: 122, UUID: "a1989466-8c96-5450-9f35-84c3c42300b2", Username: "c122", Firstname: "Wang", Lastname: "O'Brien", Exten: "1122"},
		{ID: 123, UUID: "4165fefd-e96f-5929-b2e5-7458de99452a", Username: "c123", Firstname: "Xu", Lastname: "Пушкин", Exten: "1123"},
		{ID: 124, UUID: "4b4affb3-04bd-5c0d-9c7f-e2a1229ae73f", Username: "c124", Firstname: "Yūko", Lastname: "Saint-Pierre"},
		{ID: 125, UUID: "9963edda-24bc-56d2-a77a-ff3b2139a65b", Username: "c125", Firstname: "Ágnes", Exten: "1125"},
		{ID: 126, UUID: "b007cf29-073b-5fbc-8aa2-fe9dea65dacf", Username: "c126", Firstname: "Björn", Lastname: "Žižek", Exten: "1126"},
		{ID: 127, UUID: "19b757f7-7dbb-52dd-98e2-c997e7c3b5b8", Username: "c127", Firstname: "Chloé", Lastname: "王", Exten: "1127"},
		{ID: 128, UUID: "19812570-4b6f-59a0-84ba-ba89a0d3c26f", Username: "c128", Firstname: "Dürer", Lastname: "Østergård", Exten: "1128"},
		{ID: 129, UUID: "5cf5dd72-30b2-58b3-bc73-57238c3ed303", Username: "c129", Firstname: "Émile", Lastname: "Çelik"},
	}
}
