-- v6: Remember which notices were put into one event

ALTER TABLE notice ADD COLUMN said_until INTEGER NOT NULL DEFAULT 0;
