package store

import (
	"database/sql"
	"time"
)

// A Stream is a feed of an environment's changes to one receiver.
type Stream struct {
	SID      int64
	TID      int64
	ID       string // public, unique
	CID      int64  // of the client that polls it; 0 for none
	Config   []byte // JSON: what it is
	Created  time.Time
	Position int64  // the receiver has acknowledged all of its changes up to this Seq
	State    []byte // JSON: what else is known of the delivery

	Tenant string // public id of TID; filled by reads, ignored by writes
}

// InsertStream stores a new stream and sets s.SID. Errors: ErrIDTaken.
func (tx *Tx) InsertStream(s *Stream) error {
	sid, err := tx.insert("sid", "INSERT INTO stream(tid, id, cid, config, created, position, state) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		s.TID, s.ID, s.CID, string(s.Config), millis(s.Created), s.Position, string(s.State))
	if err == nil {
		s.SID = sid
	}
	return err
}

// MoveStream stores Position and State. Errors: ErrNotFound.
func (tx *Tx) MoveStream(s *Stream) error {
	return tx.must("UPDATE stream SET position = $1, state = $2 WHERE tid = $3 AND sid = $4", s.Position, string(s.State), s.TID, s.SID)
}

// DeleteStream removes the stream. Errors: ErrNotFound.
func (tx *Tx) DeleteStream(tid, sid int64) error {
	return tx.must("DELETE FROM stream WHERE tid = $1 AND sid = $2", tid, sid)
}

const selectStream = "SELECT s.sid, s.tid, s.id, s.cid, s.config, s.created, s.position, s.state, t.id FROM stream s JOIN tenant t ON t.tid = s.tid "

func scanStream(s scan) (*Stream, error) {
	var st Stream
	var created sql.NullInt64
	err := s(&st.SID, &st.TID, &st.ID, &st.CID, &st.Config, &created, &st.Position, &st.State, &st.Tenant)
	st.Created = moment(created)
	return &st, err
}

// Stream returns the stream of this public id. Errors: ErrNotFound.
func (tx *Tx) Stream(id string) (*Stream, error) {
	return first(tx, scanStream, selectStream+"WHERE s.id = $1"+tx.lock("UPDATE OF s"), id)
}

// Streams returns the streams of an environment in order of creation.
func (tx *Tx) Streams(tid int64) ([]*Stream, error) {
	return list(tx, scanStream, selectStream+"WHERE s.tid = $1 ORDER BY s.sid", tid)
}

// Streaming returns the TIDs of the environments that have streams.
func (tx *Tx) Streaming() ([]int64, error) {
	return list(tx, scanInt, "-- reads everything\nSELECT DISTINCT tid FROM stream")
}

// AllStreams returns the streams of all environments in order of creation.
func (tx *Tx) AllStreams() ([]*Stream, error) {
	return list(tx, scanStream, "-- reads everything\n"+selectStream+"ORDER BY s.sid")
}
