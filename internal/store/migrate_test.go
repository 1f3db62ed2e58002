package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// oldData is what the program of each version of the schema may have stored, on
// top of what the ones before it had.
var oldData = map[string]string{
	"0001": `
		INSERT INTO tenant(tid, id, name, name_key, default_pop, default_group, version, created, modified) VALUES (1, 'env', 'Env', 'env', 1, 2, 1, 1000, 1000);
		INSERT INTO resource(rid, tid, type, id, key, external_id, pop, name, display, version, created, modified, doc) VALUES
			(1, 1, 3, 'p-1', 'default', NULL, NULL, 'Default', NULL, 1, 1000, 1000, '{"name":"Default"}'),
			(2, 1, 2, 'g-1', 'users', NULL, NULL, 'Users', NULL, 1, 1000, 1000, '{"displayName":"Users"}'),
			(3, 1, 1, 'u-1', 'ada', 'e-1', 1, 'ada', 'Ada', 1, 3000, 3000, '{"externalId":"e-1","userName":"ada","displayName":"Ada","active":true,"emails":[{"value":"A@x.example"}]}'),
			(4, 1, 1, 'u-2', 'bob', NULL, 1, 'bob', NULL, 7, 2000, 4000, '{"userName":"bob","active":false}'),
			(5, 1, 1, 'u-3', 'cyd', NULL, 1, 'cyd', '', 1, 2000, 2000, '{"userName":"cyd","displayName":"","active":true,"emails":[{"value":""}]}'),
			(6, 1, 1, 'u-4', 'dan', 'E-1', 1, 'dan', 'LONG', 1, 5000, 5000, '{"externalId":"E-1","userName":"dan","displayName":"LONG","active":true}'),
			(7, 1, 1, 'u-5', NULL, NULL, 1, '  ', NULL, 1, 6000, 6000, '{"userName":"  ","active":true}');
		INSERT INTO attr_def(aid, tid, type, path, state) VALUES (1, 1, 1, 'emails.value', 1), (2, 1, 1, 'displayName', 1), (3, 1, 1, 'name.familyName', 1), (4, 1, 1, 'active', 1), (5, 1, 2, 'displayName', 1);
		INSERT INTO attr(aid, val, rid) VALUES (1, 'a@x.example', 3), (2, 'ada', 3), (4, 't', 3), (4, 'f', 4), (1, '', 5), (2, '', 5), (4, 't', 5), (2, substr('LONG', 1, 256), 6), (4, 't', 6), (4, 't', 7), (5, 'users', 2);
		INSERT INTO member(gid, kind, mid) VALUES (2, 1, 3), (2, 1, 4);
		INSERT INTO credential(rid, hash, changed, must_change, failures) VALUES (3, 'hash of ada', 3000, 1, 2);
		INSERT INTO api_client(cid, tid, id, name, role, doors, created, disabled) VALUES (1, 1, 'client', 'Client', 'writer', '["scim2"]', 1000, 0);
		INSERT INTO api_secret(cid, hash, created) VALUES (1, x'00ff', 1000);
		INSERT INTO change(seq, tid, at, op, type, id, version, actor, request) VALUES (1, 1, 3000, 1, 1, 'u-1', 1, 1, 'r');
		INSERT INTO audit(tid, at, client, door, action, type, id, outcome, request) VALUES (1, 3000, 'client', 'scim2', 'create', 'User', 'u-1', 'ok', 'r');
		INSERT INTO setting(name, value) VALUES ('key', x'01');
		INSERT INTO counter(tid, type, n) VALUES (1, 1, 5), (1, 2, 1), (1, 3, 1);`,
	"0002": `
		INSERT INTO confirmation(rid, purpose, hash, created, expires, redirect) VALUES (3, 1, x'02', 3000, 9000, '');
		INSERT INTO entitlement(rid, role) VALUES (2, 1);`,
	"0003": `
		INSERT INTO api_client(cid, tid, id, name, role, doors, created, disabled, settings) VALUES (2, 1, 'strict', 'Strict', 'reader', '[]', 1000, 0, '{"mode":"strict"}');`,
	"0004": `
		INSERT INTO schema_def(tid, key, doc) VALUES (1, 'urn:x', '{"id":"urn:x"}');
		INSERT INTO type_def(tid, key, doc) VALUES (1, 'device', '{"name":"Device"}');
		INSERT INTO attr_def(aid, tid, type, path, state, kind, exact, scope) VALUES (6, 1, 1, 'urn:x:code', 1, 'string', 1, 6);
		INSERT INTO resource(rid, tid, type, id, key, pop, name, version, created, modified, doc) VALUES
			(8, 1, 1, 'u-6', 'eve', 1, 'eve', 1, 7000, 7000, '{"userName":"eve","active":true,"urn:x":{"code":"C"}}');
		INSERT INTO attr(aid, val, rid) VALUES (4, 't', 8), (6, 'C', 8);
		INSERT INTO unique_value(scope, val, rid) VALUES (6, 'C', 8);
		UPDATE counter SET n = 6 WHERE tid = 1 AND type = 1;`,
	"0005": `UPDATE credential SET failed = 3500 WHERE rid = 3;`,
	"0006": ``,
	"0007": `
		INSERT INTO stream(tid, id, cid, config, created, position, state) VALUES (1, 's-1', 1, '{}', 1000, 1, '{}');
		INSERT INTO promise(txn, n, tid, cid, at, asked) VALUES ('t', 0, 1, 1, 1000, '{}');`,
	"0008": `
		INSERT INTO api_secret(cid, hash, created, jwk) VALUES (2, x'03', 1000, '{}');
		INSERT INTO assertion(cid, jti, expires) VALUES (2, x'04', 9000);`,
	"0009": `
		INSERT INTO tenant(tid, id, name, name_key, default_pop, default_group, version, created, modified) VALUES (2, 'env2', 'Env2', 'env2', 10, 11, 1, 1000, 1000);
		INSERT INTO resource(rid, tid, type, id, key, external_id, pop, name, display, version, created, modified, doc) VALUES
			(10, 2, 3, 'p-1', 'default', NULL, NULL, 'Default', NULL, 1, 1000, 1000, '{"name":"Default"}'),
			(11, 2, 2, 'g-1', 'users', NULL, NULL, 'Users', NULL, 1, 1000, 1000, '{"displayName":"Users"}'),
			(12, 2, 1, 'u-1', 'ada', NULL, 10, 'ada', NULL, 1, 3000, 3000, '{"userName":"ada","urn:x":{"code":"C"}}');
		INSERT INTO attr_def(aid, tid, type, path, state, kind, exact, scope) VALUES (7, 2, 1, 'urn:x:code', 1, 'string', 1, 7);
		INSERT INTO attr(aid, val, rid) VALUES (7, 'C', 12);
		INSERT INTO unique_value(scope, val, rid) VALUES (7, 'C', 12);
		INSERT INTO member(gid, kind, mid) VALUES (11, 1, 12);
		INSERT INTO credential(rid, hash, changed, must_change, failures) VALUES (12, 'hash', 3000, 0, 0);
		INSERT INTO confirmation(rid, purpose, hash, created, expires, redirect) VALUES (12, 1, x'02', 3000, 9000, '');
		INSERT INTO entitlement(rid, role) VALUES (11, 1);
		INSERT INTO api_client(cid, tid, id, name, role, doors, created, disabled) VALUES (3, 2, 'other', 'Other', 'reader', '[]', 1000, 0);
		INSERT INTO api_secret(sid, cid, hash, created) VALUES (3, 3, x'05', 1000);
		INSERT INTO assertion(cid, jti, expires) VALUES (3, x'04', 9000);
		INSERT INTO audit(tid, at, client, door, action, type, id, outcome, request) VALUES (NULL, 3000, 'x', 'scim2', 'refuse', '', '', 'refused', 'r');
		INSERT INTO counter(tid, type, n) VALUES (2, 1, 1), (2, 2, 1), (2, 3, 1);`,
	"0010": ``,
	"0011": ``,
}

// TestMigrateData migrates what older programs have stored, step by step, and
// asks for it.
func TestMigrateData(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		testMigrateData(t, store.Config{Path: filepath.Join(t.TempDir(), "rollcall.db")})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testMigrateData(t, store.Config{URL: postgrestest.Database(t)})
	})
}

func testMigrateData(t *testing.T, cfg store.Config) {
	ctx := context.Background()
	long := strings.Repeat("l", 300)
	store.MigrateStepwise(t, cfg, func(version string) string {
		data, known := oldData[version]
		if !known {
			t.Fatalf("no data of version %s: add some, by which the migrations after it are tested", version)
		}
		return strings.ReplaceAll(data, "LONG", long)
	})
	db := storetest.MustOpen(t, cfg)
	users := scim.UserType()
	ask := func(tx *store.Tx, filter, by string, descending bool) (ids []string) {
		t.Helper()
		q := store.Query{TID: 1, Type: store.User, Count: 10, TypeName: "User"}
		if filter != "" {
			f, err := scim.ParseFilter(filter, scim.FilterOptions{})
			if err == nil {
				q.Filter, err = users.Resolve(f, scim.FilterOptions{})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if by != "" {
			p, err := scim.ParsePath(by)
			if err != nil {
				t.Fatal(err)
			}
			key, err := users.ResolveSort(scim.SortKey{Path: p, Descending: descending}, scim.FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			q.Sort = []scim.SortKey{key}
		}
		page, err := tx.Select(q)
		if err != nil {
			t.Fatalf("%s by %s: %v", filter, by, err)
		}
		for _, row := range page.Rows {
			ids = append(ids, row.ID)
		}
		if page.Total != len(ids) {
			t.Errorf("%s by %s: %d of %d", filter, by, len(ids), page.Total)
		}
		return ids
	}
	check := func(tx *store.Tx) error {
		for _, q := range []struct{ filter, by, want string }{
			{"", "", "u-1 u-2 u-3 u-4 u-5 u-6"},
			{`userName eq "BOB"`, "", "u-2"}, {`userName gt "b"`, "", "u-2 u-3 u-4 u-6"}, {`not (userName pr)`, "", ""},
			{`externalId eq "e-1"`, "", "u-1"}, {`not (externalId pr)`, "", "u-2 u-3 u-5 u-6"},
			{`emails.value eq "a@X.example"`, "", "u-1"}, {`not (emails.value pr)`, "", "u-2 u-3 u-4 u-5 u-6"}, {`emails.value eq ""`, "", "u-3"},
			{`displayName pr`, "", "u-1 u-4"}, {`displayName ne ""`, "", "u-1 u-2 u-4 u-5 u-6"}, {`displayName eq ""`, "", "u-3"},
			{`displayName eq "` + long + `"`, "", "u-4"}, {`displayName eq "` + long[:299] + `"`, "", ""}, {`displayName sw "` + long[:299] + `"`, "", "u-4"},
			{`active eq false`, "", "u-2"}, {`meta.created lt "1970-01-01T00:00:03Z"`, "", "u-2 u-3"}, {`groups.value eq "g-1"`, "", "u-1 u-2"},
			{"", "externalId", "u-4 u-1 u-2 u-3 u-5 u-6"}, {"", "displayName", "u-1 u-4 u-2 u-3 u-5 u-6"}, {"", "userName", "u-1 u-2 u-3 u-4 u-6 u-5"},
			{"", "-displayName", "u-6 u-5 u-3 u-2 u-4 u-1"}, {"", "meta.created", "u-2 u-3 u-1 u-4 u-5 u-6"}, {"", "active", "u-2 u-1 u-3 u-4 u-5 u-6"},
		} {
			by, descending := strings.CutPrefix(q.by, "-")
			if got := strings.Join(ask(tx, q.filter, by, descending), " "); got != q.want {
				t.Errorf("%s by %s: %s, want %s", q.filter, q.by, got, q.want)
			}
		}
		login, err1 := tx.SecretByHash([]byte{0, 0xff})
		credential, err2 := tx.Credential(1, 3)
		strict, err3 := tx.Client("strict")
		entitled, err4 := tx.Entitlement(1, 2)
		schemas, err5 := tx.Schemas(1)
		namesake, err6 := tx.ByKey(2, store.User, "ada")
		nobody, err7 := tx.Audits(0, 0, 10)
		signer, err8 := tx.SecretByID(2, 3)
		groups, err9 := tx.Groups(2, 12)
		if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9); err != nil {
			return err
		}
		if !namesake.HasPassword || namesake.Population != "p-1" || len(nobody) != 1 || signer.Client.ID != "other" || len(groups) != 1 || groups[0].ID != "g-1" {
			t.Errorf("%+v %v %+v %v", namesake, nobody, signer, groups)
		}
		if login.Client.ID != "client" || !slices.Equal(login.Client.Doors, []string{"scim2"}) || credential.Hash != "hash of ada" || !credential.MustChange ||
			string(strict.Settings) != `{"mode":"strict"}` || entitled != 1 || len(schemas) != 1 {
			t.Errorf("%+v %+v %+v %v %v", login, credential, strict, entitled, schemas)
		}
		return tx.Check()
	}
	if err := db.View(ctx, func(tx *store.Tx) error { return check(tx) }); err != nil {
		t.Error(err)
	}
	// What is written now keeps what was migrated in order.
	err := db.Update(ctx, func(tx *store.Tx) error {
		row, err := tx.ByID(1, store.User, "u-2")
		if err != nil {
			return err
		}
		old := *row
		attrs := row.Resource().Attributes().Clone().Set("displayName", scim.StringValue("Bob"))
		row.Doc = scim.ObjectValue(attrs).AppendJSON(nil)
		row.Version++
		if err := tx.Replace(&old, row, attrs); err != nil {
			return err
		}
		if got := strings.Join(ask(tx, "", "displayName", false), " "); got != "u-1 u-2 u-4 u-3 u-5 u-6" {
			t.Errorf("after a change: %s", got)
		}
		return tx.Check()
	})
	if err != nil {
		t.Error(err)
	}
}
