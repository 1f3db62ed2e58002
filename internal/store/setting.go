package store

// Setting returns a value of the whole installation. Errors: ErrNotFound.
func (tx *Tx) Setting(name string) ([]byte, error) { panic("todo") }

// SetSetting stores a value of the whole installation.
func (tx *Tx) SetSetting(name string, value []byte) error { panic("todo") }
