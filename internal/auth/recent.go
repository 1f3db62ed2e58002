package auth

import "container/list"

// A recent remembers the values of the keys that were used last, and of so many
// only, whatever is asked of it. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	most  int
	order *list.List // of entry; the first was used last
	at    map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, order: list.New(), at: make(map[K]*list.Element)}
}

// get returns the value of the key, and whether it is remembered.
func (r *recent[K, V]) get(key K) (value V, ok bool) {
	e := r.at[key]
	if e == nil {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(entry[K, V]).value, true
}

// set remembers the value, and forgets the one that was not used for longest if there are too many.
func (r *recent[K, V]) set(key K, value V) {
	if e := r.at[key]; e != nil {
		e.Value = entry[K, V]{key, value}
		r.order.MoveToFront(e)
		return
	}
	if r.order.Len() >= r.most {
		last := r.order.Back()
		delete(r.at, r.order.Remove(last).(entry[K, V]).key)
	}
	r.at[key] = r.order.PushFront(entry[K, V]{key, value})
}

// forget removes the key.
func (r *recent[K, V]) forget(key K) {
	if e := r.at[key]; e != nil {
		delete(r.at, key)
		r.order.Remove(e)
	}
}
