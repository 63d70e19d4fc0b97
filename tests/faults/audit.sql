-- Records every state transition and every decrease of a counter, whichever process makes it.
CREATE SCHEMA audit;
CREATE TABLE audit.transitions (
    job_id uuid NOT NULL, old text NOT NULL, new text NOT NULL, attempt int NOT NULL, at timestamptz NOT NULL
);
CREATE TABLE audit.decreases (
    job_id uuid NOT NULL, columns text NOT NULL
);
CREATE FUNCTION audit.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF OLD.status <> NEW.status THEN
        INSERT INTO audit.transitions VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt, clock_timestamp());
    END IF;
    IF (NEW.progress ->> 'value')::float8 < (OLD.progress ->> 'value')::float8 THEN
        INSERT INTO audit.decreases VALUES (NEW.id, 'progress');
    END IF;
    IF NEW.revision < OLD.revision OR NEW.attempt < OLD.attempt THEN
        INSERT INTO audit.decreases VALUES (NEW.id, 'revision or attempt');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER record AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION audit.record();
