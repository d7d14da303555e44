-- What was acknowledged and is not stored yet: requests as they came.
CREATE TABLE otel.ingestion_queue (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	received_at timestamptz NOT NULL DEFAULT now(),
	content_type text NOT NULL,
	encoding text NOT NULL,
	payload bytea NOT NULL,
	bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(payload)) STORED,
	traceparent text,
	attempts integer NOT NULL DEFAULT 0,
	-- Also until when a worker has it in hand.
	next_try_at timestamptz NOT NULL DEFAULT now(),
	last_error text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Most of them are compressed already.
ALTER TABLE otel.ingestion_queue ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX ingestion_queue_next ON otel.ingestion_queue (next_try_at, id);

-- What could not be stored, and why. Payloads stand apart: they are not for everybody who reads this.
CREATE TABLE otel.dead_letters (
	id bigint PRIMARY KEY,
	received_at timestamptz NOT NULL,
	died_at timestamptz NOT NULL DEFAULT now(),
	reason text NOT NULL,
	detail text NOT NULL,
	attempts integer NOT NULL,
	bytes integer NOT NULL
);
CREATE TABLE otel.dead_payloads (
	id bigint PRIMARY KEY REFERENCES otel.dead_letters ON DELETE CASCADE,
	content_type text NOT NULL,
	encoding text NOT NULL,
	payload bytea NOT NULL
);
ALTER TABLE otel.dead_payloads ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE FUNCTION otel.bury(batch bigint, reason text, detail text) RETURNS boolean LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM otel.ingestion_queue q WHERE q.id = batch RETURNING *),
	letter AS (
		INSERT INTO otel.dead_letters (id, received_at, reason, detail, attempts, bytes)
		SELECT id, received_at, bury.reason, bury.detail, attempts, bytes FROM gone
	)
	INSERT INTO otel.dead_payloads SELECT id, content_type, encoding, payload FROM gone RETURNING true
$$;

-- Back into the queue, as if it had come now: `SELECT otel.replay(id) FROM otel.dead_letters WHERE …`.
CREATE FUNCTION otel.replay(letter bigint) RETURNS void LANGUAGE sql AS $$
	INSERT INTO otel.ingestion_queue (content_type, encoding, payload)
	SELECT content_type, encoding, payload FROM otel.dead_payloads WHERE id = letter;
	DELETE FROM otel.dead_letters WHERE id = letter
$$;
REVOKE EXECUTE ON FUNCTION otel.bury, otel.replay FROM PUBLIC;

CREATE TABLE otel.spans (
	trace_id text NOT NULL,
	span_id text NOT NULL,
	parent_span_id text,
	service text NOT NULL,
	name text NOT NULL,
	kind text NOT NULL,
	status text NOT NULL,
	status_message text,
	start_time timestamptz NOT NULL,
	duration_ms double precision NOT NULL,
	attributes jsonb NOT NULL,
	resource jsonb NOT NULL,
	events jsonb,
	links jsonb,
	run_id text,
	-- What PostgreSQL would not have taken as it was.
	altered text[],
	-- A retry brings the same start; partitions want it in the key.
	PRIMARY KEY (trace_id, span_id, start_time)
) PARTITION BY RANGE (start_time);

-- Everything that a dashboard counts, without touching the rows: a million spans are some 90 MB of this and a GB of those.
CREATE INDEX spans_time ON otel.spans (start_time, service, status, duration_ms, name);
CREATE INDEX spans_errors ON otel.spans (start_time) WHERE status = 'error';
CREATE INDEX spans_run ON otel.spans (run_id, start_time) WHERE run_id IS NOT NULL;

-- What operations took, the slowest first. A 95th percentile is at most 5 % too high: counting by logarithm is done in parallel and
-- without sorting, and takes a third of percentile_cont's time.
CREATE FUNCTION otel.operations(since timestamptz, until timestamptz, of text DEFAULT NULL)
RETURNS TABLE (service text, name text, spans bigint, errors bigint, p95_ms double precision, max_ms double precision)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT service, name, sum(n)::bigint, sum(failed)::bigint, least(min(top) FILTER (WHERE upto >= 0.95 * total), max(longest)), max(longest)
	FROM (
		SELECT *, exp(bucket * 0.05) AS top, sum(n) OVER (own ORDER BY bucket) AS upto, sum(n) OVER own AS total
		FROM (
			SELECT service, name, ceil(ln(duration_ms + 0.001) * 20) AS bucket,
				count(*) AS n, count(*) FILTER (WHERE status = 'error') AS failed, max(duration_ms) AS longest
			FROM otel.spans
			WHERE start_time BETWEEN since AND until AND (of IS NULL OR of = '' OR spans.service = of)
			GROUP BY 1, 2, 3
		) AS counted
		WINDOW own AS (PARTITION BY service, name)
	) AS summed
	GROUP BY 1, 2 ORDER BY 5 DESC
$$;
REVOKE EXECUTE ON FUNCTION otel.operations FROM PUBLIC;

-- Made beside the table and attached: that does not wait for who reads and writes, as CREATE … PARTITION OF does.
CREATE FUNCTION otel.add_day(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	partition text := 'spans_' || to_char(day, 'YYYYMMDD');
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('otel.add_day'));
	IF to_regclass('otel.' || partition) IS NOT NULL THEN RETURN; END IF;
	EXECUTE format('CREATE TABLE otel.%I (LIKE otel.spans INCLUDING ALL)', partition);
	-- Spans only come: what is new is soon marked as visible to all, or scans of an index would look at the rows.
	EXECUTE format('ALTER TABLE otel.%I SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)', partition);
	EXECUTE format(
		'ALTER TABLE otel.spans ATTACH PARTITION otel.%I FOR VALUES FROM (%L) TO (%L)',
		partition, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
	);
END
$$;
REVOKE EXECUTE ON FUNCTION otel.add_day FROM PUBLIC;
