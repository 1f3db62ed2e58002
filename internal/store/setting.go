package store

// Setting returns a value of the whole installation. Errors: ErrNotFound.
func (tx *Tx) Setting(name string) ([]byte, error) {
	if !tx.view { // whoever finds none makes one
		if err := tx.LockKey("setting " + name); err != nil {
			return nil, err
		}
	}
	return first(tx, func(s scan) (value []byte, err error) { return value, s(&value) },
		"SELECT value FROM setting WHERE name = $1", name)
}

// SetSetting stores a value of the whole installation.
func (tx *Tx) SetSetting(name string, value []byte) error {
	_, err := tx.exec("INSERT INTO setting(name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2", name, value)
	return err
}
