package store

import (
	"database/sql"
	"time"
)

// A Tenant is an environment: the root of isolation.
type Tenant struct {
	TID          int64
	ID           string // public, unique
	Name         string
	NameKey      string // folded, unique
	Settings     []byte // JSON object; empty is {}
	DefaultPop   int64  // RID of the default population; 0 for none yet
	DefaultGroup int64  // RID of the group Users; 0 for none yet
	Version      int64
	Created      time.Time
	Modified     time.Time

	// Filled by reads, ignored by writes: the public ids of the two.
	DefaultPopulationID string
	DefaultGroupID      string
}

// InsertTenant stores a new environment with the default set of indexed
// attributes, and sets t.TID. Errors: ErrIDTaken, ErrKeyTaken.
func (tx *Tx) InsertTenant(t *Tenant) error {
	tx.known.forget()
	tid, err := tx.insert("tid", `INSERT INTO tenant(id, name, name_key, settings, default_pop, default_group, version, created, modified)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.ID, t.Name, t.NameKey, t.settings(), nullable(t.DefaultPop), nullable(t.DefaultGroup), t.Version, millis(t.Created), millis(t.Modified))
	if err != nil {
		return err
	}
	for _, d := range defaultIndexes {
		_, err := tx.exec("INSERT INTO attr_def(tid, type, path, state) VALUES ($1, $2, $3, $4)", tid, d.typ, d.path, attrReady)
		if err != nil {
			return err
		}
	}
	t.TID = tid
	return nil
}

// UpdateTenant stores Name, NameKey, Settings, DefaultPop, DefaultGroup,
// Version and Modified of the environment. Errors: ErrNotFound, ErrKeyTaken.
func (tx *Tx) UpdateTenant(t *Tenant) error {
	tx.known.forget()
	return tx.must(`UPDATE tenant SET name = $1, name_key = $2, settings = $3, default_pop = $4, default_group = $5, version = $6, modified = $7 WHERE tid = $8`,
		t.Name, t.NameKey, t.settings(), nullable(t.DefaultPop), nullable(t.DefaultGroup), t.Version, millis(t.Modified), t.TID)
}

func (t *Tenant) settings() string {
	if len(t.Settings) == 0 {
		return "{}"
	}
	return string(t.Settings)
}

const (
	tenantColumns = `t.tid, t.id, t.name, t.name_key, t.settings, coalesce(t.default_pop, 0), coalesce(t.default_group, 0),
		t.version, t.created, t.modified, coalesce(p.id, ''), coalesce(g.id, '')`
	tenantJoins  = ` LEFT JOIN resource p ON p.tid = t.tid AND p.rid = t.default_pop LEFT JOIN resource g ON g.tid = t.tid AND g.rid = t.default_group `
	selectTenant = "SELECT " + tenantColumns + " FROM tenant t" + tenantJoins
)

// dest returns where tenantColumns are read to, and a function to call after that.
func (t *Tenant) dest() ([]any, func()) {
	var created, modified sql.NullInt64
	return []any{&t.TID, &t.ID, &t.Name, &t.NameKey, &t.Settings, &t.DefaultPop, &t.DefaultGroup,
			&t.Version, &created, &modified, &t.DefaultPopulationID, &t.DefaultGroupID},
		func() { t.Created, t.Modified = moment(created), moment(modified) }
}

func scanTenant(s scan) (*Tenant, error) {
	var t Tenant
	dest, finish := t.dest()
	err := s(dest...)
	finish()
	return &t, err
}

// Tenant returns the environment of this public id. Errors: ErrNotFound.
func (tx *Tx) Tenant(id string) (*Tenant, error) {
	t := tx.known.tenants[id]
	if t == nil {
		var err error
		if t, err = first(tx, scanTenant, selectTenant+"WHERE t.id = $1", id); err != nil {
			return nil, err
		}
		if tx.known.still {
			learn(&tx.known.tenants, id, t)
		}
	}
	own := *t // the caller may change it
	return &own, nil
}

// LockedTenant is Tenant for who is about to change the environment, or to
// delete what others rely on: see LockTenant.
func (tx *Tx) LockedTenant(id string) (*Tenant, error) {
	t, err := tx.Tenant(id)
	if err == nil {
		err = tx.LockTenant(t.TID)
	}
	if err != nil {
		return nil, err
	}
	delete(tx.known.tenants, id)
	return tx.Tenant(id)
}

// TenantByTID returns the environment of this key. Errors: ErrNotFound.
func (tx *Tx) TenantByTID(tid int64) (*Tenant, error) {
	return first(tx, scanTenant, selectTenant+"WHERE t.tid = $1", tid)
}

// TenantByName returns the environment of this NameKey. Errors: ErrNotFound.
func (tx *Tx) TenantByName(key string) (*Tenant, error) {
	return first(tx, scanTenant, selectTenant+"WHERE t.name_key = $1", key)
}

// Tenants returns all environments in order of creation.
func (tx *Tx) Tenants() ([]*Tenant, error) {
	return list(tx, scanTenant, "-- reads everything\n"+selectTenant+"ORDER BY t.tid")
}

// DeleteTenant removes an environment with all that is in it; its change-log
// and audit rows stay. It is one transaction, and other writers wait for it:
// about 0.1 ms for each user. Errors: ErrNotFound.
func (tx *Tx) DeleteTenant(tid int64) error {
	tx.known.forget()
	if err := tx.LockTenant(tid); err != nil {
		return err
	}
	for _, what := range []string{
		"attr WHERE tid = $1 AND aid IN (SELECT aid FROM attr_def WHERE tid = $1 UNION ALL SELECT -aid FROM attr_def WHERE tid = $1)",
		"unique_value WHERE tid = $1 AND scope IN (SELECT scope FROM attr_def WHERE tid = $1)",
		"member WHERE tid = $1 AND gid IN (SELECT rid FROM resource WHERE tid = $1)",
		"resource WHERE tid = $1", // and the credentials
		"schema_def WHERE tid = $1", "type_def WHERE tid = $1", "attr_def WHERE tid = $1", "stream WHERE tid = $1",
		"promise WHERE tid = $1", "assertion WHERE tid = $1", "api_secret WHERE tid = $1", "api_client WHERE tid = $1",
	} {
		if _, err := tx.exec("DELETE FROM "+what, tid); err != nil {
			return err
		}
	}
	if err := tx.db.engine.uncount(tx, tid); err != nil {
		return err
	}
	return tx.must("DELETE FROM tenant WHERE tid = $1", tid)
}
