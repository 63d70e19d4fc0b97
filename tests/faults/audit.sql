-- Remembers every move of every job, whoever makes it, so that the checker can say that each ended exactly once.
CREATE SCHEMA audit;
CREATE TABLE audit.moves (
    job_id uuid NOT NULL, was text NOT NULL, now text NOT NULL, attempt int NOT NULL, at timestamptz NOT NULL
);
CREATE TABLE audit.falls (
    job_id uuid NOT NULL, what text NOT NULL
);
CREATE FUNCTION audit.remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status THEN
        INSERT INTO audit.moves VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt, clock_timestamp());
    END IF;
    IF (NEW.progress ->> 'value')::float8 < (OLD.progress ->> 'value')::float8 THEN
        INSERT INTO audit.falls VALUES (NEW.id, 'progress');
    END IF;
    IF NEW.revision < OLD.revision OR NEW.attempt < OLD.attempt THEN
        INSERT INTO audit.falls VALUES (NEW.id, 'revision or attempt');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER remember AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION audit.remember();
