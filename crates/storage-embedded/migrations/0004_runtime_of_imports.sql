-- Which runtime the current version of a utility imports a module of. What was stored before is of the only runtime there was.
ALTER TABLE utility_imports ADD COLUMN runtime TEXT NOT NULL DEFAULT 'python';
