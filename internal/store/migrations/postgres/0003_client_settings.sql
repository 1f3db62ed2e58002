ALTER TABLE api_client ADD COLUMN settings text NOT NULL DEFAULT '{}';
