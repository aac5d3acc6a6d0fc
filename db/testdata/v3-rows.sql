-- A row in every table of a database of version 3, as a relay with the SECRET_KEY "key" wrote them. Everything that is sealed
-- was sealed by that version. TestDatabaseOfVersion3IsUpgraded says what each of them must be read as.

CREATE TABLE version (version INTEGER, compat INTEGER);
INSERT INTO version VALUES (3, 3);
CREATE TABLE database_owner (key INTEGER PRIMARY KEY DEFAULT 0, owner TEXT NOT NULL);
INSERT INTO database_owner VALUES (0, 'wazo-matrix-relay');

INSERT INTO setting (name, value) VALUES
	('matrix_next_batch', CAST('s1_2_3' AS BLOB)),
	('matrix_user', CAST('@relay:a.example' AS BLOB)),
	('matrix_device', CAST('DEVICE' AS BLOB)),
	('matrix_access_token', X'1F7A471690A312CBCB70841E5A0E842F1B014110C277127AFBBE88CE84F33DB8B73CF2BA64'),
	('matrix_recovery_key', X'72D9CCEC1833E67B0BA401152D15D58A6FFC0744D535AF7B5E4634940107C34461A1F47BA537CD87490AC4A785'),
	('matrix_master_key', CAST('master' AS BLOB)),
	('matrix_generation', CAST('42' AS BLOB)),
	('key_check', X'B3EC8F76E551CD7E85066C045AE5A5EE017B0FD47B8613713B80F6AB52D00968DA87741EC6');

INSERT INTO account (id, matrix_user, username, user_uuid, tenant_uuid, token) VALUES
	(1, NULL, 'relay', 'relay-uuid', 'tenant-uuid', X'15E84B2870EDDFD3EC5F0BD047A6F4F2D1DD22C882D2A7AB22850343BB26AB20E4B45DB10EBD4B4599142B63CBB847EB8A9C520F8BD888AC68F9F869CF8466BD475A65F960925E0513603C783DA609F5442B7E14384F'),
	(2, '@robin:a.example', 'robin', '', '', NULL);

INSERT INTO portal (id, matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public, started_on_wazo, started_on_matrix, read_until, last_error) VALUES
	(3, '!support:a.example', 'wazo-support', 'Support', 1, '@robin:a.example', 1700000000001, true, 1700000000000002, true, 1700000000000003, 'oops'),
	(4, '!sales:a.example', 'wazo-sales', 'Sales', 1, '@sam:a.example', 1700000000004, false, 0, false, 0, '');

INSERT INTO pause (portal_id, reason, direction) VALUES
	(3, 'permission', 'to_wazo'),
	(3, 'removed', 'to_matrix'),
	(4, 'login', 'reading'),
	(4, 'opened', '');

INSERT INTO queue (id, portal_id, direction, kind, source_id, author, position, state, session, late, revision, parts, part, attempts, attempted_at, accepted_at, error) VALUES
	(11, 3, 'to_wazo', 'message', '$new', '@robin:a.example', 1, 'new', 'megolm-1', false, 0, 0, 0, 0, 0, 1700000000011, ''),
	(12, 3, 'to_wazo', 'message', '$attempted', '@robin:a.example', 2, 'attempted', '', true, 1, 1, 0, 2, 1700000000112, 1700000000012, ''),
	(13, 3, 'to_wazo', 'message', '$waiting', '@robin:a.example', 3, 'waiting', 'megolm-2', false, 0, 0, 0, 0, 0, 1700000000013, ''),
	(14, 3, 'to_wazo', 'message', '$parked', '@robin:a.example', 4, 'parked', '', false, 2, 1, 0, 3, 1700000000114, 1700000000014, 'too large'),
	(15, 3, 'to_matrix', 'message', 'uuid-new', 'alice-uuid', 1700000000000015, 'new', '', false, 0, 0, 0, 0, 0, 1700000000015, ''),
	(16, 3, 'to_matrix', 'message', 'uuid-attempted', 'alice-uuid', 1700000000000016, 'attempted', '', false, 0, 2, 1, 1, 1700000000116, 1700000000016, ''),
	(17, 3, 'to_matrix', 'message', 'uuid-waiting', 'alice-uuid', 1700000000000017, 'waiting', '', false, 0, 0, 0, 0, 0, 1700000000017, ''),
	(18, 3, 'to_matrix', 'message', 'uuid-parked', 'alice-uuid', 1700000000000018, 'parked', '', false, 0, 1, 0, 1, 1700000000118, 1700000000018, 'refused'),
	(19, 4, 'to_wazo', 'introduction', 'introduction', '@sam:a.example', 0, 'new', '', false, 0, 0, 0, 0, 0, 1700000000019, ''),
	(20, 4, 'to_matrix', 'linked', 'linked', 'relay-uuid', 0, 'new', '', false, 0, 0, 0, 0, 0, 1700000000020, '');
UPDATE sqlite_sequence SET seq = 50 WHERE name = 'queue'; -- the rows up to this id were delivered
INSERT INTO payload (row_id, content) SELECT id, json_object('payload', id) FROM queue;
INSERT INTO request (row_id, part, content) VALUES
	(12, 0, '{"request":"12/0"}'),
	(14, 0, '{"request":"14/0"}'),
	(16, 0, '{"request":"16/0"}'),
	(16, 1, '{"request":"16/1"}'),
	(18, 0, '{"request":"18/0"}');

INSERT INTO message (portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at) VALUES
	(3, 'uuid-1', 0, '$event-1', 'alice-uuid', 1700000000000021, 1700000000121),
	(3, 'uuid-1', 1, '$event-2', 'alice-uuid', 1700000000000021, 1700000000122),
	(3, 'uuid-2', 0, NULL, 'alice-uuid', 1700000000000022, 1700000000123),
	(3, 'uuid-3', 0, '$event-3', '@robin:a.example', 1700000000000023, 1700000000124);

INSERT INTO orphan (portal_id, wazo_uuid, alias, content, created_at) VALUES (3, 'uuid-orphan', 'Robin', 'hello', 1700000000000031);

INSERT INTO gap (id, portal_id, room, from_token, to_token, first_position, next_position) VALUES (41, 3, '!support:a.example', 'p1', 's1', 5, 4294967300);

INSERT INTO withheld (matrix_user, session, told_at) VALUES ('@eve:a.example', 'megolm-3', 1700000000051);

INSERT INTO inbox (id, kind, room, event_id, payload, accepted_at) VALUES (61, 'command', '!support:a.example', '$command', '{"body":"!wazo status"}', 1700000000061);

INSERT INTO notice (id, room, matrix_user, markdown, reply_to, created_at) VALUES
	(71, '!support:a.example', '', '**Paused**', '$command', 1700000000071),
	(72, '', '@robin:a.example', 'Hello', '', 1700000000072);

INSERT INTO listing (matrix_user, number, wazo_room) VALUES ('@robin:a.example', 1, 'wazo-support'), ('@robin:a.example', 2, 'wazo-sales');

INSERT INTO direct_chat (matrix_user, room) VALUES ('@robin:a.example', '!direct:a.example');

INSERT INTO explanation (wazo_room, given) VALUES ('wazo-wanted', false), ('wazo-given', true);

INSERT INTO media (link, room, event_id, mxc, encrypted, name, mime_type, created_at, expires_at) VALUES
	(X'DEB6DD938348E07C5D9DB6CAC15733F52106CB0746F8E7BACF0AA33F4917FA88', '!support:a.example', '$file', 'mxc://a.example/file', X'C3F386413F418491C0C5274287C42BE4020833ED7EA5D9FFD7ACD9CF09032493D0878C5F57E43529A65FD0DC04344B3D46F3266BB31A5B69014515A077AC214F672B05DB9CA0AB85B7E3E3C77A69E2', 'plan.pdf', 'application/pdf', 1700000000081, 1800000000081),
	(X'F75343D1FD59D38975171719C111BCD86A13FF35E03D92D50329E847FF89AFDA', '!support:a.example', '$picture', 'mxc://a.example/picture', NULL, 'cat.jpg', '', 1700000000082, 1800000000082);

INSERT INTO avatar (user_uuid, letters, encrypted, file) VALUES
	('alice-uuid', 'AM', true, X'0956EF8356A4D8B463F1BDF101A1123CF797B94FF88B1F69DD342C35EAB4E5575EED5509CA52880C66301A70F3CC1B881F94165553F81C541C68D45976FA398C7F73783ABA4BAEF027DAB805F361'),
	('alice-uuid', 'AM', false, X'5BF251446B9C1B114BA8DB7417473B8BDCECA17372A6B56396633484A387043AA35ADFFD23E86601B405762485F9AB3578');
