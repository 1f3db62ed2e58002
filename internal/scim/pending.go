package scim

// What stands here until dates and declared schemas have landed.

import "time"

func pendingParse(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	return t, err
}
func pendingFormat(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
func (t *ResourceType) pendingDeclared(o *Object) []string {
	list := []string{t.Schema.ID}
	for _, e := range t.Extensions {
		if !o.Get(e.ID).Unassigned() {
			list = append(list, e.ID)
		}
	}
	return list
}
