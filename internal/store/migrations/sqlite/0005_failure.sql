-- When the last wrong password came: after a while earlier ones do not count.
ALTER TABLE credential ADD COLUMN failed INTEGER;
