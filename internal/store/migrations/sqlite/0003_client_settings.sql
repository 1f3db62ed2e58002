-- settings: JSON object of what differs from the defaults; the store does not look inside.
ALTER TABLE api_client ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
