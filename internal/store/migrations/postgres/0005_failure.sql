ALTER TABLE credential ADD COLUMN failed bigint;
